"""Where channels lie in the residuals' memory, which has a bank for each epilogue."""

from __future__ import annotations

from collections.abc import Mapping
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
    """By tensor that is added. A row that adds one channel and is itself added later has the same bank for both."""
    banks = {
        layer.residual: np.zeros(network.shapes[layer.residual][0], dtype=np.intp)
        for layer in network.layers
        if layer.residual
    }
    for layer in network.layers:
        if layer.output in banks:
            rows = np.arange(layer.outputs)
            mine = (layer.channel + rows) % epilogues if layer.residual is None else banks[layer.residual]
            banks[layer.output][layer.channel + rows] = mine
    return {tensor: Copy(bank=bank, place=_places(bank)) for tensor, bank in banks.items()}


def epilogues_of(layer: QuantizedLayer, network: QuantizedNetwork, copies: Mapping[str, Copy]) -> Indices | None:
    """(rows,) the epilogue of each row, or None where any will do."""
    if not added(network, layer):
        return None
    rows = np.arange(layer.outputs)
    return copies[layer.residual].bank if layer.residual else copies[layer.output].bank[layer.channel + rows]


def _places(bank: Indices) -> Indices:
    places = np.zeros_like(bank)
    for one in np.unique(bank):
        mine = np.flatnonzero(bank == one)
        places[mine] = np.arange(len(mine))
    return places
