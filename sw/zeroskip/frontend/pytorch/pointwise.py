"""Readers of the operators that work on each element: BatchNorm, arithmetic with constants, sums of two tensors, activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from torch import fx

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import Activation, FloatArray
from zeroskip.frontend.lowering.steps import AddStep, AffineStep, PointwiseStep
from zeroskip.frontend.refusal import RefusalError

from .layouts import aligned, in_whole, per_channel
from .nodes import arguments, operand, qualified_name, shape
from .reading import Reading, Value


def batch_norm(node: fx.Node, reading: Reading) -> Value:
    """BatchNorm in eval mode."""
    given = arguments(node)
    source = reading.value(given["input"])
    if given["training"]:
        raise RefusalError("must be in eval mode and have running statistics (track_running_stats=True)")
    read = reading.parameters.read
    mean, variance = (read(given[role], role)[1] for role in ("running_mean", "running_var"))
    weight = np.ones_like(mean) if given["weight"] is None else read(given["weight"], "weight")[1]
    bias = np.zeros_like(mean) if given["bias"] is None else read(given["bias"], "bias")[1]
    with np.errstate(all="ignore"):
        scale = weight / np.sqrt(variance + given["eps"])
        shift = bias - mean * scale
    name = qualified_name(node)
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise InputError(f"layer {name!r}: batch_norm scale and shift must be finite, but hold NaN or infinity")
    return affine(node, reading, source, _along_channels(node, scale), _along_channels(node, shift))


def _along_channels(node: fx.Node, values: FloatArray) -> FloatArray:
    """One number per channel, in a shape that broadcasts to the node's."""
    return values.reshape(-1, *(1,) * (len(shape(node)) - 2))


def add(node: fx.Node, reading: Reading) -> Value:
    """The sum of two tensors, or of one and a constant per channel; the second times ``alpha``."""
    return _sum(node, reading, float(arguments(node).get("alpha", 1)))


def subtract(node: fx.Node, reading: Reading) -> Value:
    """As the sum, the second times ``-alpha``."""
    return _sum(node, reading, -float(arguments(node).get("alpha", 1)))


def _sum(node: fx.Node, reading: Reading, factor: float) -> Value:
    given = arguments(node)
    left, right = given["self"], given["other"]
    if not (reading.holds(left) and reading.holds(right)):
        return _with_constant(
            node, reading, left, right, lambda c: (np.ones(1), factor * c), lambda c: (np.full(1, factor), c)
        )
    first, second = aligned(node, reading, reading.value(left), reading.value(right))
    if factor != 1:
        second = affine(node, reading, second, np.full(1, factor), np.zeros(1), ".scaled")
    result = first.fresh(f"%{node.name}")
    reading.steps.append(AddStep(name=qualified_name(node), sources=(first.name, second.name), output=result.name))
    return result


def negate(node: fx.Node, reading: Reading) -> Value:
    """The tensor times -1."""
    return affine(node, reading, reading.value(operand(node)), np.full(1, -1.0), np.zeros(1))


def multiply(node: fx.Node, reading: Reading) -> Value:
    """A tensor times a constant per channel."""
    given = arguments(node)

    def scale(constant: FloatArray) -> tuple[FloatArray, FloatArray]:
        return constant, np.zeros(1)

    return _with_constant(node, reading, given["self"], given["other"], scale, scale)


def divide(node: fx.Node, reading: Reading) -> Value:
    """A tensor divided by a constant per channel."""
    given = arguments(node)
    if reading.holds(given["other"]):
        raise RefusalError("must divide by a constant, not by a result of the network")
    if given.get("rounding_mode") is not None:
        raise RefusalError(f"rounding_mode must be None, not {given['rounding_mode']!r}")

    def inverse(constant: FloatArray) -> tuple[FloatArray, FloatArray]:
        with np.errstate(all="ignore"):
            return 1.0 / constant, np.zeros(1)

    return _with_constant(node, reading, given["self"], given["other"], inverse, inverse)


def clip(low: float | str, high: float | str) -> Callable[[fx.Node, Reading], Value]:
    """A reader of a clip. Its ends are numbers, or names of the node's arguments; None is no limit."""

    def limit(given: dict[str, Any], which: float | str, otherwise: float) -> float:
        value = given[which] if isinstance(which, str) else which
        return otherwise if value is None else float(value)

    def reader(node: fx.Node, reading: Reading) -> Value:
        given = arguments(node)
        bottom, top = limit(given, low, -np.inf), limit(given, high, np.inf)
        if not bottom <= top:
            raise RefusalError(f"limits must be in order, not {bottom:g} and {top:g}")
        return _pointwise(node, reading, reading.value(given["self"]), Activation(low=bottom, high=top))

    return reader


def leaky_relu(node: fx.Node, reading: Reading) -> Value:
    """LeakyReLU."""
    given = arguments(node)
    return _slope(node, reading, reading.value(given["self"]), np.asarray(float(given["negative_slope"])))


def prelu(node: fx.Node, reading: Reading) -> Value:
    """PReLU, of one slope or one per channel."""
    given = arguments(node)
    source = reading.value(given["self"])
    slope = reading.parameters.read(given["weight"], "weight")[1]
    return _slope(node, reading, source, slope if slope.size == 1 else _along_channels(node, slope))


def _slope(node: fx.Node, reading: Reading, source: Value, slope: FloatArray) -> Value:
    if not np.isfinite(slope).all():
        raise InputError(f"layer {qualified_name(node)!r}: slopes must be finite, but hold NaN or infinity")
    source, (slope,) = per_channel(node, reading, source, slope)
    slopes = np.broadcast_to(slope, (source.stored[0],)).copy()
    if (slopes < 0).any():
        return _falling(node, reading, source, slopes)
    return _pointwise(node, reading, source, Activation(slope=slopes))


def _falling(node: fx.Node, reading: Reading, source: Value, slopes: FloatArray) -> Value:
    """Slopes below zero, which no single layer has, as relu(x) - slope * relu(-x)."""
    name, zeros = qualified_name(node), np.zeros(len(slopes))
    result = source.fresh(f"%{node.name}")
    parts = [f"{result.name}.{part}" for part in ("minus", "below", "scaled", "above")]
    minus, below, scaled, above = parts
    relu = Activation(low=0.0)
    reading.steps += [
        AffineStep(name=f"{name}.below", source=source.name, output=minus, scale=zeros - 1, shift=zeros),
        PointwiseStep(name=f"{name}.below", source=minus, output=below, activation=relu),
        AffineStep(name=name, source=below, output=scaled, scale=-slopes, shift=zeros),
        PointwiseStep(name=f"{name}.above", source=source.name, output=above, activation=relu),
        AddStep(name=name, sources=(scaled, above), output=result.name),
    ]
    return result


def _pointwise(node: fx.Node, reading: Reading, source: Value, activation: Activation) -> Value:
    source = in_whole(node, reading, source)
    result = source.fresh(f"%{node.name}")
    reading.steps.append(
        PointwiseStep(name=qualified_name(node), source=source.name, output=result.name, activation=activation)
    )
    return result


Scaling = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From the constant to scale and shift."""


def _with_constant(
    node: fx.Node, reading: Reading, left: object, right: object, on_left: Scaling, on_right: Scaling
) -> Value:
    tensor, constant, scaling = (left, right, on_left) if reading.holds(left) else (right, left, on_right)
    source = reading.value(tensor)
    number = reading.parameters.constant(constant)
    if number is None:
        raise RefusalError("must be with a constant, not between two results of the network")
    if not np.isfinite(number).all():
        raise InputError(f"layer {qualified_name(node)!r}: constant must be finite, but holds NaN or infinity")
    spread = replace(source, order=np.broadcast_to(source.order, shape(node)))
    return affine(node, reading, spread, *scaling(number))


def affine(
    node: fx.Node, reading: Reading, source: Value, scale: FloatArray, shift: FloatArray, suffix: str = ""
) -> Value:
    """``scale * source + shift``, which broadcast to the source's shape, as what ``node`` gives or a part of it."""
    name = qualified_name(node) + suffix
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise InputError(f"layer {name!r}: scale and shift must be finite, but hold NaN or infinity")
    source, (scale, shift) = per_channel(node, reading, source, scale, shift)
    if (scale == 1).all() and (shift == 0).all():
        return source
    length = source.stored[0]
    result = source.fresh(f"%{node.name}{suffix}")
    reading.steps.append(
        AffineStep(
            name=name, source=source.name, output=result.name,
            scale=np.broadcast_to(scale, (length,)).copy(), shift=np.broadcast_to(shift, (length,)).copy(),
        )
    )  # fmt: skip
    return result
