"""Readers of the operators that work on each element: BatchNorm, arithmetic with constants, sums of two tensors, activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import fx

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import Activation, FloatArray
from zeroskip.frontend.lowering.steps import AddStep, AffineStep, PointwiseStep, Value
from zeroskip.frontend.refusal import RefusalError

from .nodes import arguments, operand, qualified_name, shape
from .reading import Reading


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
    return _affine(node, reading, source, scale, shift)


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
    first, second = reading.value(left), reading.value(right)
    if (first.user, first.stored) != (second.user, second.stored):
        raise RefusalError(f"must add two tensors of one shape, not {shape(left)} and {shape(right)}")
    if factor != 1:
        second = _affine(node, reading, second, np.full(1, factor), np.zeros(1), ".scaled")
    result = reading.make(node, first.stored)
    reading.steps.append(AddStep(name=qualified_name(node), sources=(first.name, second.name), output=result.name))
    return result


def negate(node: fx.Node, reading: Reading) -> Value:
    """The tensor times -1."""
    return _affine(node, reading, reading.value(operand(node)), np.full(1, -1.0), np.zeros(1))


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
    return _slope(node, reading, source, reading.parameters.read(given["weight"], "weight")[1])


def _slope(node: fx.Node, reading: Reading, source: Value, slope: FloatArray) -> Value:
    if not np.isfinite(slope).all():
        raise InputError(f"layer {qualified_name(node)!r}: slopes must be finite, but hold NaN or infinity")
    if slope.size > 1:
        source = reading.stored(source)
    slopes = np.broadcast_to(slope.reshape(-1), (source.stored[0],)).copy()
    if (slopes < 0).any():
        return _falling(node, reading, source, slopes)
    return _pointwise(node, reading, source, Activation(slope=slopes))


def _falling(node: fx.Node, reading: Reading, source: Value, slopes: FloatArray) -> Value:
    """Slopes below zero, which no single layer has, as relu(x) - slope * relu(-x)."""
    name, zeros = qualified_name(node), np.zeros(len(slopes))
    result = reading.make(node, source.stored)
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
    result = reading.make(node, source.stored)
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
    user = source.user
    if number.size == 1:
        values = number.reshape(1)
    else:
        aligned = (1,) * (len(user) + 1 - number.ndim) + number.shape
        if aligned != (1, user[0], *(1,) * (len(user) - 1)):
            raise RefusalError(f"the constant must have one value, or one per channel, not shape {number.shape}")
        values = number.reshape(-1)
    return _affine(node, reading, source, *scaling(values))


def shift(node: fx.Node, reading: Reading, source: Value, by: float, suffix: str, user: tuple[int, ...]) -> Value:
    """Add a number to every element, as a value of its own."""
    channels = source.stored[0]
    result = Value(f"%{node.name}{suffix}", source.stored, user)
    reading.steps.append(
        AffineStep(
            name=f"{qualified_name(node)}{suffix}", source=source.name, output=result.name, scale=np.ones(channels),
            shift=np.full(channels, by),
        )
    )  # fmt: skip
    return result


def _affine(
    node: fx.Node, reading: Reading, source: Value, scale: FloatArray, shift: FloatArray, suffix: str = ""
) -> Value:
    name = qualified_name(node) + suffix
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise InputError(f"layer {name!r}: scale and shift must be finite, but hold NaN or infinity")
    if max(len(scale), len(shift)) > 1:
        source = reading.stored(source)
    if (scale == 1).all() and (shift == 0).all():
        return source
    length = source.stored[0]
    result = reading.make(node, source.stored, suffix)
    reading.steps.append(
        AffineStep(
            name=name, source=source.name, output=result.name,
            scale=np.broadcast_to(scale, (length,)).copy(), shift=np.broadcast_to(shift, (length,)).copy(),
        )
    )  # fmt: skip
    return result
