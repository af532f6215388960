"""Checks that the parts of an integer network fit each other. The compiler always makes them fit; a file must prove it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.axes import PLAIN
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import MULTIPLIER_BITS, RESIDUAL_FRACTION, QuantizedLayer, QuantizedNetwork

MOST_SHIFT = 63

Written = Mapping[str, npt.NDArray[np.bool_]]
"""By tensor, which of its channels the layers so far have written."""


def require_consistent(network: QuantizedNetwork) -> None:
    """Raises InputError with the layer or tensor and the rule that is broken.

    It refuses a tensor that is unknown, read before it is complete, or never written; shapes that do not follow from each other; numbers
    outside of their ranges.
    """
    ends = (
        (INPUT, network.input_shape, network.input_axes), (network.output_name, network.output_shape, network.output_axes),
    )  # fmt: skip
    for name, user, axes in ends:
        if name not in network.shapes:
            raise InputError(f"tensor {name!r}: is missing")
        if math.prod(user) != math.prod(network.shapes[name]):
            raise InputError(f"tensor {name!r}: shape {network.shapes[name]} must have as many elements as {user}")
        if axes != PLAIN and math.prod(axes.shape) != math.prod(user):
            raise InputError(f"tensor {name!r}: axes of {axes.shape} must have as many elements as {user}")
    names = [layer.name for layer in network.layers]
    if len(set(names)) != len(names):
        raise InputError(f"layers must have names of their own, not {', '.join(names)}")
    written = {name: np.zeros(shape[0], dtype=bool) for name, shape in network.shapes.items()}  # by channel
    written[INPUT][:] = True
    for layer in network.layers:
        try:
            _require_reads(network, layer, written)
            _require_writes(network, layer, written)
            _require_arrays(network, layer)
        except InputError as error:
            raise InputError(f"layer {layer.name!r}: {error}") from error
    for name, channels in written.items():
        if not channels.all():
            raise InputError(
                f"tensor {name!r}: all of its {len(channels)} channels must be written, not {channels.sum()}"
            )


def _require_reads(network: QuantizedNetwork, layer: QuantizedLayer, written: Written) -> None:
    for role, tensor in (("source", layer.source), ("residual", layer.residual)):
        if tensor is None:
            continue
        if tensor not in network.shapes:
            raise InputError(f"{role} {tensor!r} is not among the tensors")
        if not written[tensor].all():
            raise InputError(f"{role} {tensor!r} must be complete before it is read")


def _require_writes(network: QuantizedNetwork, layer: QuantizedLayer, written: Written) -> None:
    if layer.output not in network.shapes or layer.output == INPUT:
        raise InputError(f"output {layer.output!r} is not among the tensors that layers write")
    channels, *size = network.shapes[layer.output]
    if layer.weight.ndim != 4:
        raise InputError(f"weight must have four axes, not shape {layer.weight.shape}")
    own = slice(layer.channel, layer.channel + layer.outputs)
    if own.stop > channels or written[layer.output][own].any():
        raise InputError(
            f"channels {own.start} to {own.stop} must lie within the {channels} of {layer.output!r}, and nobody else may write them"
        )
    written[layer.output][own] = True
    inputs, height, width = network.shapes[layer.source]
    wanted = (inputs // layer.groups, *layer.window.kernel)
    if inputs % layer.groups or layer.outputs % layer.groups or layer.weight.shape[1:] != wanted:
        raise InputError(
            f"weight of shape {layer.weight.shape} must fit {inputs} channels in {layer.groups} groups under kernel {layer.window.kernel}"
        )
    if min(layer.window.stride + layer.window.dilation) < 1 or layer.window.output(height, width) != tuple(size):
        found = layer.window.output(height, width) if min(layer.window.stride) > 0 else "nothing"
        raise InputError(f"window gives {found}, but {layer.output!r} is {tuple(size)}")
    if layer.residual is not None:
        shape = network.shapes[layer.residual]
        if shape != (layer.outputs, *size):
            raise InputError(f"residual {layer.residual!r} must have shape {(layer.outputs, *size)}, not {shape}")


def _require_arrays(network: QuantizedNetwork, layer: QuantizedLayer) -> None:
    half = 1 << (network.weight_bits - 1)
    least = 1 + RESIDUAL_FRACTION * (layer.residual is not None)
    ranges = {
        "weight": (-half, half - 1), "multiplier": (0, (1 << MULTIPLIER_BITS) - 1), "slope": (0, (1 << MULTIPLIER_BITS) - 1),
        "shift": (least, MOST_SHIFT), "table": (-128, 255), "bias": (-(1 << 62), 1 << 62),
    }  # fmt: skip
    for name, (low, high) in ranges.items():
        values = getattr(layer, name)
        if values is None:
            continue
        if name != "weight" and values.shape != ((256,) if name == "table" else (layer.outputs,)):
            raise InputError(f"{name} must have one value per output channel, a table 256, not shape {values.shape}")
        if values.dtype != np.int64:
            raise InputError(f"{name} must be int64, not {values.dtype}")
        if values.size and not low <= int(values.min()) <= int(values.max()) <= high:
            raise InputError(f"{name} must be {low} … {high}, not {values.min()} … {values.max()}")
    if layer.weight_scale.shape != (layer.outputs,) or not np.isfinite(layer.weight_scale).all():
        raise InputError(
            f"weight_scale must be one finite number per output channel, not shape {layer.weight_scale.shape}"
        )
