"""Questions that every pass over the steps asks: who reads a value, and what shape it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from zeroskip.contracts.graph import NOTHING, Activation, Layer, Shape
from zeroskip.contracts.tensor import QuantizedTensor

from .steps import Step, output_shape, sources

Formats = dict[str, QuantizedTensor]
"""Number formats that a quantized model fixes, by value."""


def count_readers(steps: Iterable[Step], result: str) -> Counter[str]:
    """How often each value is read. Leaving the network counts as a read."""
    return Counter([result, *(source for step in steps for source in sources(step))])


def readers_of(value: str, steps: Iterable[Step]) -> list[Step]:
    """The steps that read a value."""
    return [step for step in steps if value in sources(step)]


def all_shapes(steps: Iterable[Step], known: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shape of every value: the ``known`` ones that enter, and those that the steps make."""
    shapes = dict(known)
    for step in steps:
        shapes[step.output] = output_shape(step, shapes)
    return shapes


def ends_in_nothing(layer: Layer) -> bool:
    """Whether the layer is a plain sum so far, without activation or residual."""
    return not layer.maximum and layer.residual is None and is_nothing(layer.activation)


def is_nothing(activation: Activation) -> bool:
    """Whether the activation changes no number."""
    return (
        activation.slope is None
        and activation.table is None
        and (activation.low, activation.high) == (NOTHING.low, NOTHING.high)
    )
