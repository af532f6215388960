"""Operators as the compiler sees them: steps and values, between reading the exported graph and lowering it to layers.

A step reads and makes *values*. Values are named by strings, ``INPUT`` among them. In a list of steps every value is made before it is
read. A :class:`zeroskip.contracts.graph.Layer` is a step whose ``source``, ``output`` and ``residual`` are values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from zeroskip.contracts.axes import PLAIN, Axes
from zeroskip.contracts.graph import Activation, FloatArray, Layer, Shape, Window
from zeroskip.contracts.host import HostOperator
from zeroskip.contracts.tensor import QuantizedTensor


@dataclass(frozen=True, kw_only=True)
class Port:
    """A value that enters or leaves the network.

    value : its name
    stored : (channels, height, width) as the array keeps it
    user : shape of one sample in the model
    axes : from the user's order to the stored one
    host : what the host does with the numbers that leave
    """

    value: str
    stored: Shape
    user: tuple[int, ...]
    axes: Axes = PLAIN
    host: tuple[HostOperator, ...] = ()


def image_shape(user: tuple[int, ...]) -> Shape | None:
    """(features,) → (features, 1, 1); (channels, length) → (channels, length, 1); three axes as they are; else None."""
    return (*user, 1, 1)[:3] if 1 <= len(user) <= 3 else None  # type: ignore[return-value]


@dataclass(frozen=True, kw_only=True, eq=False)
class AffineStep:
    """``scale * x + shift``, both (channels,): BatchNorm and constants."""

    name: str
    source: str
    output: str
    scale: FloatArray
    shift: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PointwiseStep:
    """An activation."""

    name: str
    source: str
    output: str
    activation: Activation


@dataclass(frozen=True, kw_only=True, eq=False)
class CopyStep:
    """Zero padding, slices and choice of channels: output channel k is channel ``channels[k]`` of the source, or zero where None.

    The window's kernel and dilation are 1; negative padding skips rows and columns, the bottom and right included.
    """

    name: str
    source: str
    output: str
    channels: tuple[int | None, ...]
    window: Window


@dataclass(frozen=True, kw_only=True, eq=False)
class FlattenStep:
    """An image of that shape, made a vector in C order."""

    name: str
    source: str
    output: str
    shape: Shape


@dataclass(frozen=True, kw_only=True, eq=False)
class AddStep:
    """The sum of two values of the same shape."""

    name: str
    sources: tuple[str, str]
    output: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ConcatStep:
    """Several values in a row along the channels."""

    name: str
    sources: tuple[str, ...]
    output: str


@dataclass(frozen=True, kw_only=True, eq=False)
class FormatStep:
    """The source rounded to a number format, as a quantized model fixes it."""

    name: str
    source: str
    output: str
    format: QuantizedTensor


Step: TypeAlias = Layer | AffineStep | PointwiseStep | CopyStep | FlattenStep | AddStep | ConcatStep | FormatStep


def sources(step: Step) -> tuple[str, ...]:
    """The values that a step reads. A value that is read twice appears twice."""
    if isinstance(step, AddStep | ConcatStep):
        return step.sources
    if isinstance(step, Layer) and step.residual is not None:
        return step.source, step.residual
    return (step.source,)


def output_shape(step: Step, shapes: Mapping[str, Shape]) -> Shape:
    """The shape of the step's result, from the shapes of its sources."""
    first = shapes[sources(step)[0]]
    match step:
        case Layer():
            return (step.outputs, *step.window.output(*first[1:]))
        case CopyStep():
            return (len(step.channels), *step.window.output(*first[1:]))
        case FlattenStep():
            return (size(first), 1, 1)
        case ConcatStep():
            return (sum(shapes[source][0] for source in step.sources), *first[1:])
        case _:
            return first


def size(shape: Shape) -> int:
    """Elements of one sample."""
    return math.prod(shape)
