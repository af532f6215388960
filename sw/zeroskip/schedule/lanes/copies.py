"""Where channels lie in the residuals' memory, which has a bank for each epilogue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.schedule.strips.readers import added

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Copy:
    """One tensor that is added.

    bank : (channels,) of each channel: the epilogue that completes it, and the one that adds it
    place : (channels,) among the channels of its bank
    """

    bank: Indices
    place: Indices

    @property
    def depth(self) -> int:
        """Places that every bank has at each position of the image."""
        return int(self.place.max()) + 1


def copies_of(network: QuantizedNetwork, epilogues: int) -> dict[str, Copy]:
    """By tensor that is added.

    In a prepared network a row that adds a channel and is itself added later has one number in both tensors, hence one bank.
    """
    added_later = dict.fromkeys(layer.residual for layer in network.layers if layer.residual is not None)
    channels = {tensor: np.arange(network.shapes[tensor][0]) for tensor in added_later}
    return {tensor: Copy(bank=numbers % epilogues, place=numbers // epilogues) for tensor, numbers in channels.items()}


def epilogues_of(layer: QuantizedLayer, network: QuantizedNetwork, epilogues: int) -> Indices | None:
    """(rows,) the epilogue of each row, or None where any will do."""
    if not added(network, layer):
        return None
    return np.asarray((np.arange(layer.outputs) + (0 if layer.residual else layer.channel)) % epilogues, dtype=np.intp)
