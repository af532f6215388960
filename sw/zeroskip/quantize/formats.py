"""Number formats of the activations: from their ranges, from a quantized model, and from each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import Graph, Layer
from zeroskip.contracts.tensor import QuantizedTensor

from .calibrate import Ranges, joined
from .pointwise import telling_range
from .requantize import least_sum_scale
from .sharing import is_copy, shared_formats
from .weights import SMALLEST_SCALE, quantize_weights


@dataclass(frozen=True, kw_only=True)
class Formats:
    """The number formats of a network.

    tensors : format of each tensor, by its name
    before : format of a table's input, by the name of the layer that has the table
    """

    tensors: dict[str, QuantizedTensor]
    before: dict[str, QuantizedTensor]

    def requantized(self, layer: Layer) -> QuantizedTensor:
        """The format of the result of the layer's requantization."""
        return self.tensors[layer.output] if layer.activation.table is None else self.before[layer.name]


def tensor_format(low: float, high: float, bits: int, at_least: float = 0.0) -> QuantizedTensor:
    """The format that covers low … high and zero: unsigned where low ≥ 0, else signed, with a zero-point.

    at_least : the finest scale allowed

    Zero is always exactly representable. A tensor that is always zero gets scale 1.
    Scheme: Nagel et al., "A White Paper on Neural Network Quantization", 2021, section 2.2.1.
    """
    signed = low < 0
    low, high = min(low, 0.0), max(high, 0.0)
    steps = (1 << bits) - 1
    scale = high / steps - low / steps
    if scale < SMALLEST_SCALE:
        return QuantizedTensor(scale=max(1.0, at_least), zero_point=0, signed=signed, bits=bits)
    scale = max(scale, at_least)
    if not signed:
        return QuantizedTensor(scale=scale, zero_point=0, signed=False, bits=bits)
    lowest = -(1 << (bits - 1))
    zero_point = int(np.clip(lowest - np.rint(low / scale), lowest, lowest + steps))
    return QuantizedTensor(scale=scale, zero_point=zero_point, signed=True, bits=bits)


def activation_formats(graph: Graph, seen: Ranges, *, weight_bits: int, act_bits: int) -> Formats:
    """The formats that ``graph`` fixes. All other tensors get the formats of the ranges ``seen``.

    Tensors that :func:`zeroskip.quantize.sharing.shared_formats` puts together have one format, which covers all their ranges. The format
    of a sum with a residual is never finer than its requantization can express. The input of a table has the format of the range in which
    the table's values change, or the source's format where the layer copies it.

    Raises InputError for a fixed format of another width than ``act_bits``.
    """
    for name, tensor in graph.formats.items():
        if tensor.bits != act_bits:
            raise InputError(f"tensor {name!r}: a fixed format must have {act_bits} bits, not {tensor.bits}")
    together = shared_formats(graph)
    spans = {name: reduce(joined, (seen.tensors[other] for other in together[name])) for name in graph.tensors}
    fixed = {
        name: graph.formats[name if name in graph.formats else min(together[name] & graph.formats.keys())]
        for name in graph.tensors
        if together[name] & graph.formats.keys()
    }
    tensors = {name: tensor_format(*span, act_bits) for name, span in spans.items()} | fixed
    tables = {layer.name: layer for layer in graph.layers if layer.activation.table is not None}
    arguments = {
        name: telling_range(layer.activation.table, seen.before[name], tensors[layer.output])
        for name, layer in tables.items()
        if layer.activation.table is not None
    }
    formats = Formats(
        tensors=tensors, before={name: tensor_format(*argument, act_bits) for name, argument in arguments.items()}
    )
    for _ in graph.layers:  # a format that becomes coarser may be another sum's residual
        for layer in graph.layers:
            scale = finest_scale(layer, formats, weight_bits)
            if scale <= formats.requantized(layer).scale:
                continue
            if layer.name in tables:
                formats.before[layer.name] = tensor_format(*arguments[layer.name], act_bits, scale)
            elif layer.output not in fixed:
                coarser = tensor_format(*spans[layer.output], act_bits, scale)
                tensors.update(dict.fromkeys(together[layer.output], coarser))
    formats.before.update({name: tensors[layer.source] for name, layer in tables.items() if is_copy(layer)})
    return formats


def finest_scale(layer: Layer, formats: Formats, weight_bits: int) -> float:
    """The finest scale of a sum with a residual for which its requantization has integers; 0 without a residual."""
    if layer.residual is None:
        return 0.0
    source = formats.tensors[layer.source].scale
    weight, scale = quantize_weights(layer, source, formats.requantized(layer).scale, weight_bits)
    units = np.where(weight.any(axis=(1, 2, 3)), scale * source, 0.0)
    return least_sum_scale(float(units.max(initial=0.0)), formats.tensors[layer.residual].scale)
