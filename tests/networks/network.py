"""What a real network comes with, and how its accuracy is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from zeroskip.contracts.config import ArrayConfig

FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class RealNetwork:
    """A network that others trained, with inputs of the kind it was trained for.

    model : in evaluation mode
    calibration, inputs : (N, *sample) float32, in the range that the network wants
    labels : (N,) class numbers of ``inputs``, or None where they have none
    """

    model: nn.Module
    calibration: FloatArray
    inputs: FloatArray
    labels: npt.NDArray[np.integer] | None

    @property
    def example(self) -> torch.Tensor:
        """One sample with its batch axis, for :func:`zeroskip.compile`."""
        return torch.from_numpy(self.inputs[:1])

    def float_outputs(self, samples: int | None = None) -> FloatArray:
        """(N, *outputs) of the network as it is, computed by PyTorch; of the first inputs, or all."""
        inputs = self.inputs[:samples]
        with torch.no_grad():
            parts = [self.model(torch.from_numpy(part)) for part in np.array_split(inputs, -(-len(inputs) // 250))]
        return np.asarray(torch.cat(parts).numpy())

    def accuracy(self, outputs: npt.NDArray[np.generic]) -> float:
        """Percent of the outputs, of the first inputs, whose largest entry is the label's."""
        assert self.labels is not None
        return 100 * float((outputs.argmax(axis=1) == self.labels[: len(outputs)]).mean())


@dataclass(frozen=True)
class Source:
    """Where a network comes from.

    needs : folders and files of the data folder, without which it cannot be loaded
    load : takes the data folder
    lanes, columns, epilogues : of an array of 64 multipliers that suits it
    samples : as many as simulate in about a minute
    """

    needs: tuple[str, ...]
    load: Callable[[Path], RealNetwork]
    lanes: int
    columns: int
    epilogues: int
    samples: int

    @property
    def config(self) -> ArrayConfig:
        return ArrayConfig(lanes=self.lanes, columns=self.columns, epilogues=self.epilogues)


def stored(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """The arrays of an .npz file."""
    with np.load(path) as values:
        return {name: values[name] for name in values.files}
