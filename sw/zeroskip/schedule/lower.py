"""A chain of fully connected layers → the layers that are worth computing.

A hidden row without weights gives the same output for every input. The constant is folded into the next layer's bias, and the column
that would carry it is deleted. A hidden row that nothing reads is deleted with its weights. An output row must be delivered in any
case: without weights it keeps one explicit zero weight and costs one cycle. The outcome is the same, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoweredLayer:
    """The remains of one layer.

    weight : (kept rows, stored columns)
    mask : (kept rows, stored columns) bool, True where an entry is stored, explicit zeros included
    bias : (kept rows,)
    multiplier : (kept rows,)
    shift : (kept rows,)
    rows : the original number of each row
    columns : the original number of each stored column, -1 where an input bank leaves a hole
    """

    name: str
    weight: IntArray
    mask: npt.NDArray[np.bool_]
    bias: IntArray
    multiplier: IntArray
    shift: IntArray
    rows: Indices
    columns: Indices
    input: QuantizedTensor
    zero_point: int
    low: int
    high: int

    @property
    def nnz(self) -> int:
        return int(self.mask.sum())


def lower(network: QuantizedNetwork, banks: int) -> tuple[LoweredLayer, ...]:
    """Fold the constant rows, delete the unread ones, and lay out the columns.

    banks : elements in an input beat. Element j of every beat is stored in bank j, which drops inputs that nobody reads. Stored column
        p·banks + j is the p-th live input whose number is j modulo ``banks``.
    """
    layers = [_start(layer, network.formats[layer.source]) for layer in network.layers]
    for i in range(len(layers) - 1):
        layers[i], layers[i + 1] = _fold_constant_rows(layers[i], layers[i + 1])
    layers[-1] = _keep_every_row(layers[-1])
    for i in range(len(layers) - 1, 0, -1):
        layers[i - 1], layers[i] = _drop_unread_rows(layers[i - 1], layers[i])
    layers[0] = _store_by_bank(layers[0], banks)
    return tuple(layers)


def requantize(acc: IntArray, multiplier: IntArray, shift: IntArray, zero_point: int, low: int, high: int) -> IntArray:
    """The arithmetic of :mod:`zeroskip.contracts.network` on one accumulator per row, int64 in and out."""
    rounded = (acc * multiplier + (np.int64(1) << (shift - 1))) >> shift
    return np.asarray(np.clip(zero_point + rounded, low, high), dtype=np.int64)


def _start(layer: QuantizedLayer, source: QuantizedTensor) -> LoweredLayer:
    weight = layer.weight.reshape(len(layer.weight), -1)
    outputs, inputs = weight.shape
    return LoweredLayer(
        name=layer.name, weight=weight, mask=weight != 0,
        bias=layer.bias, multiplier=layer.multiplier, shift=layer.shift,
        rows=np.arange(outputs), columns=np.arange(inputs),
        input=source, zero_point=layer.zero_point, low=layer.low, high=layer.high,
    )  # fmt: skip


def _take_rows(layer: LoweredLayer, keep: Indices) -> LoweredLayer:
    return replace(
        layer, weight=layer.weight[keep], mask=layer.mask[keep], bias=layer.bias[keep],
        multiplier=layer.multiplier[keep], shift=layer.shift[keep], rows=layer.rows[keep],
    )  # fmt: skip


def _take_columns(layer: LoweredLayer, keep: Indices) -> LoweredLayer:
    return replace(layer, weight=layer.weight[:, keep], mask=layer.mask[:, keep], columns=layer.columns[keep])


def _keep_every_row(layer: LoweredLayer) -> LoweredLayer:
    mask = layer.mask.copy()
    # A column that is read in any case costs no further row upstream.
    column = int(mask.any(axis=0).argmax())
    mask[~mask.any(axis=1), column] = True
    return replace(layer, mask=mask)


def _fold_constant_rows(layer: LoweredLayer, reader: LoweredLayer) -> tuple[LoweredLayer, LoweredLayer]:
    live = layer.mask.any(axis=1)
    constants = requantize(layer.bias, layer.multiplier, layer.shift, layer.zero_point, layer.low, layer.high)
    reader = replace(reader, bias=reader.bias + reader.weight[:, ~live] @ constants[~live])
    if not live.any():
        # The array computes every layer, so one row remains although nothing reads it.
        keep = np.array([0])
        return _keep_every_row(_take_rows(layer, keep)), _silence(_take_columns(reader, keep))
    keep = np.flatnonzero(live)
    return _take_rows(layer, keep), _take_columns(reader, keep)


def _silence(layer: LoweredLayer) -> LoweredLayer:
    return replace(layer, weight=np.zeros_like(layer.weight), mask=np.zeros_like(layer.mask))


def _drop_unread_rows(layer: LoweredLayer, reader: LoweredLayer) -> tuple[LoweredLayer, LoweredLayer]:
    keep = np.flatnonzero(reader.mask.any(axis=0))
    return _take_rows(layer, keep), _take_columns(reader, keep)


def _store_by_bank(layer: LoweredLayer, banks: int) -> LoweredLayer:
    live = np.flatnonzero(layer.mask.any(axis=0))
    stored = np.empty_like(live)
    for bank in range(banks):
        mine = live % banks == bank
        stored[mine] = np.arange(mine.sum()) * banks + bank
    columns = np.full(int(stored.max()) + 1, -1, dtype=np.intp)
    columns[stored] = layer.columns[live]
    weight = np.zeros((len(layer.rows), len(columns)), dtype=np.int64)
    mask = np.zeros(weight.shape, dtype=np.bool_)
    weight[:, stored] = layer.weight[:, live]
    mask[:, stored] = layer.mask[:, live]
    return replace(layer, weight=weight, mask=mask, columns=columns)
