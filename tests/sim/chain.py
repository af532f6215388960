"""Chains of fully connected layers as the integer network has them: 1×1 windows on vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor


def linear(
    name: str, weight: npt.NDArray[np.integer], output: QuantizedTensor, *, bias: IntArray, multiplier: IntArray, shift: IntArray,
    low: int | None = None, high: int | None = None, source: str = INPUT,
) -> QuantizedLayer:  # fmt: skip
    """The layer that reads tensor ``source`` and writes one of its own name.

    weight : (outputs, inputs); output : format of what it writes; low, high : where they are not given, the format's
    """
    return QuantizedLayer(
        name=name, source=source, output=name, weight=as_kernels(weight), weight_scale=np.ones(len(weight)), bias=bias,
        multiplier=multiplier, shift=shift, zero_point=output.zero_point,
        low=output.low if low is None else low, high=output.high if high is None else high,
    )  # fmt: skip


def as_kernels(weight: npt.NDArray[np.generic]) -> IntArray:
    """(outputs, inputs) → (outputs, inputs, 1, 1) int64."""
    return np.asarray(weight, dtype=np.int64)[:, :, np.newaxis, np.newaxis]


def chain(layers: Sequence[QuantizedLayer], formats: Sequence[QuantizedTensor], weight_bits: int) -> QuantizedNetwork:
    """The network of ``layers`` one behind the other; ``formats`` are those of the input and of every layer's output."""
    names = [INPUT, *(layer.output for layer in layers)]
    sizes = [layers[0].weight.shape[1], *(layer.outputs for layer in layers)]
    for name, size, layer in zip(names, sizes, layers, strict=False):
        assert (layer.source, layer.weight.shape[1]) == (name, size), f"{layer.name} does not follow {name}"
    network = QuantizedNetwork(
        input_shape=(sizes[0],), output_shape=(sizes[-1],), weight_bits=weight_bits,
        shapes={name: (size, 1, 1) for name, size in zip(names, sizes, strict=True)},
        formats=dict(zip(names, formats, strict=True)), layers=tuple(layers), output_name=names[-1],
    )  # fmt: skip
    assert network.flat
    return network


def sizes_of(network: QuantizedNetwork) -> list[int]:
    """Activations of the input and of every layer's output."""
    return [network.shapes[INPUT][0], *(layer.outputs for layer in network.layers)]
