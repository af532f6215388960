"""What needs no computing is left out: rows that are constant, and rows that nothing reads. The outcome is the same, bit for bit.

A row without weights gives the same value at every position. Where all its readers see it at every place of their windows, the value is
folded into their biases, and its channel is deleted. A row that no weight reads is deleted with its own weights. The array computes every
layer, so one row remains in any case. Outputs are delivered in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Folded:
    """A network without the rows that need no computing.

    channels : by tensor, the original numbers of its channels
    """

    network: QuantizedNetwork
    channels: Mapping[str, Indices]

    def rows(self, layer: QuantizedLayer) -> Indices:
        """(rows,) original numbers of the layer's rows."""
        return self.channels[layer.output][layer.channel : layer.channel + layer.outputs] - layer.channel


def fold(network: QuantizedNetwork) -> Folded:
    """Leave out what the readers need not be told, from the first layer on, and then what nobody reads, from the last."""
    channels = {tensor: np.arange(shape[0]) for tensor, shape in network.shapes.items()}
    for layer in network.layers:
        if _plain(network, layer) and all(not any(reader.window.padding) for reader in _readers(network, layer)):
            network, channels = _constants_folded(network, layer.name, channels)
    for layer in reversed(network.layers):
        if _plain(network, layer):
            network, channels = _unread_dropped(network, layer.name, channels)
    return Folded(network=network, channels=channels)


def constants_of(layer: QuantizedLayer) -> IntArray:
    """(rows,) what each row gives where all its weights are zero."""
    multiplier = layer.multiplier if layer.slope is None else np.where(layer.bias < 0, layer.slope, layer.multiplier)
    scaled = (layer.bias * multiplier + (np.int64(1) << (layer.shift - 1))) >> layer.shift
    given = np.clip(layer.zero_point + scaled, layer.low, layer.high)
    return np.asarray(given if layer.table is None else layer.table[given % 256], dtype=np.int64)


def _readers(network: QuantizedNetwork, layer: QuantizedLayer) -> list[QuantizedLayer]:
    return [other for other in network.layers if other.source == layer.output]


def _plain(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Whether rows of ``layer`` may be deleted: it writes a whole tensor, which ordinary layers read and nothing adds."""
    readers = _readers(network, layer)
    return (
        layer.output not in (network.output_name, INPUT) and bool(readers) and layer.outputs == network.shapes[layer.output][0]
        and layer.groups == 1 and not layer.maximum and layer.residual is None
        and all(reader.groups == 1 and not reader.maximum for reader in readers)
        and all(other.residual != layer.output for other in network.layers)
    )  # fmt: skip


def _constants_folded(
    network: QuantizedNetwork, name: str, channels: dict[str, Indices]
) -> tuple[QuantizedNetwork, dict[str, Indices]]:
    layer = next(one for one in network.layers if one.name == name)
    constant = np.asarray(~layer.weight.any(axis=(1, 2, 3)), dtype=np.bool_)
    if not constant.any():
        return network, channels
    values = constants_of(layer)[constant]

    def told(reader: QuantizedLayer) -> QuantizedLayer:
        weight = reader.weight.copy()
        bias = reader.bias + weight[:, constant].sum(axis=(2, 3)) @ values
        weight[:, constant] = 0
        return replace(reader, weight=weight, bias=bias)

    layers = tuple(told(one) if one.source == layer.output else one for one in network.layers)
    return _without(replace(network, layers=layers), layer, constant, channels)


def _unread_dropped(
    network: QuantizedNetwork, name: str, channels: dict[str, Indices]
) -> tuple[QuantizedNetwork, dict[str, Indices]]:
    layer = next(one for one in network.layers if one.name == name)
    read = np.any([reader.weight.any(axis=(0, 2, 3)) for reader in _readers(network, layer)], axis=0)
    unread = np.asarray(~read, dtype=np.bool_)
    return _without(network, layer, unread, channels) if unread.any() else (network, channels)


def _without(
    network: QuantizedNetwork, layer: QuantizedLayer, dropped: npt.NDArray[np.bool_], channels: dict[str, Indices]
) -> tuple[QuantizedNetwork, dict[str, Indices]]:
    """Delete these rows of ``layer``, and the channels that they are to its readers."""
    keep = np.flatnonzero(~dropped) if not dropped.all() else np.array([0])
    tensor = layer.output

    def cut(one: QuantizedLayer) -> QuantizedLayer:
        if one.name == layer.name:
            rows = {
                field: getattr(one, field)[keep] for field in ("weight", "weight_scale", "bias", "multiplier", "shift", "slope")
                if getattr(one, field) is not None
            }  # fmt: skip
            return replace(one, **rows)
        return replace(one, weight=one.weight[:, keep]) if one.source == tensor else one

    shapes = {**network.shapes, tensor: (len(keep), *network.shapes[tensor][1:])}
    layers = tuple(cut(one) for one in network.layers)
    return replace(network, shapes=shapes, layers=layers), {**channels, tensor: channels[tensor][keep]}
