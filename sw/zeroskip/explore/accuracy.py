"""The accuracy of a network: test data, outputs of the float network, and the share of right answers.

Accuracies are named by what is measured: ``float dense`` is the network as given, ``float masked`` the same with its masks,
``integer masked`` the integer network by the reference, and ``RTL`` the integer network by the Verilog.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from zeroskip.contracts.errors import InputError, first_line
from zeroskip.prune.model.preserve import preserving

BATCH = 250
"""Test samples that the float network computes at once."""


@dataclass(frozen=True, eq=False)
class TestData:
    """Inputs and their classes.

    inputs : (N, …) float32
    labels : (N,) int64 class numbers
    """

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    __test__ = False  # pytest must not take it for a class of tests

    @classmethod
    def of(cls, inputs: npt.ArrayLike, labels: npt.ArrayLike) -> TestData:
        """Raises InputError for labels that are not one class number for each input, and without any input."""
        x, y = np.asarray(inputs), np.asarray(labels)
        if y.shape != x.shape[:1] or y.dtype.kind not in "iu" or not len(x):
            raise InputError(
                f"test: labels must be class numbers, one for each of {len(x)} inputs, not {y.dtype} of shape {y.shape}"
            )
        return cls(np.ascontiguousarray(x, dtype=np.float32), y.astype(np.int64))

    @property
    def digest(self) -> str:
        """sha256 of inputs and labels: it tells whether figures are of the same data."""
        return hashlib.sha256(self.inputs.tobytes() + self.labels.tobytes()).hexdigest()

    def first(self, count: int) -> TestData:
        return TestData(self.inputs[:count], self.labels[:count])

    def accuracy(self, outputs: npt.NDArray[Any]) -> float:
        """Share of the samples whose largest output is that of their class, 0 … 1.

        outputs : (N, …), flattened per sample
        """
        answers = outputs.reshape(len(self.labels), -1).argmax(axis=1)
        return float((answers == self.labels).mean())

    def float_accuracy(self, model: nn.Module) -> float:
        """Accuracy of the float network, on its own device and in evaluation mode; its training mode is restored.

        Raises InputError where the model refuses the inputs.
        """
        parameter = next(model.parameters(), None)
        device = parameter.device if parameter is not None else torch.device("cpu")
        parts = torch.split(torch.from_numpy(self.inputs), BATCH)
        with preserving(model, []), torch.no_grad():
            return self.accuracy(np.concatenate([self._answer(model, part.to(device)) for part in parts]))

    def _answer(self, model: nn.Module, inputs: torch.Tensor) -> npt.NDArray[Any]:
        try:
            outputs = model(inputs)
        except Exception as error:  # the model is the user's code
            raise InputError(
                f"test: the model refuses inputs of shape {self.inputs.shape}: {first_line(error)}"
            ) from error
        if (
            not isinstance(outputs, torch.Tensor)
            or outputs.is_complex()
            or len(outputs.shape) < 2
            or not outputs.numel()
        ):
            given = f"shape {tuple(outputs.shape)}" if isinstance(outputs, torch.Tensor) else type(outputs).__name__
            raise InputError(f"test: the model must give a number for each class and sample, not {given}")
        if len(outputs) != len(inputs):
            raise InputError(f"test: the model must give one row for each of {len(inputs)} samples, not {len(outputs)}")
        return np.asarray(outputs.cpu().float().numpy())
