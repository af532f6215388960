"""Readers of the operators that only the host computes, at the end of a network."""

from __future__ import annotations

from dataclasses import replace

from torch import fx

from zeroskip.contracts.host import HostOperator
from zeroskip.frontend.refusal import RefusalError

from .nodes import arguments, operator_name
from .orders import BATCH
from .reading import Reading, Value


def softmax(node: fx.Node, reading: Reading) -> Value:
    """Both softmax and log_softmax."""
    return _hosted(node, reading, keepdim=True)


def place(node: fx.Node, reading: Reading) -> Value:
    """Both argmax and argmin, over one axis."""
    given = arguments(node)
    if given["dim"] is None:
        raise RefusalError(f"{BATCH}: name the axis")
    return _hosted(node, reading, keepdim=bool(given["keepdim"]))


def _hosted(node: fx.Node, reading: Reading, *, keepdim: bool) -> Value:
    given = arguments(node)
    value = reading.given(given["self"])
    if value.host and not value.host[-1].name.endswith("softmax"):
        value = reading.value(given["self"])  # refused: the places of an argmax have no order
    axis = given["dim"] % value.order.ndim
    if value.order.shape[0] != reading.batch:
        raise RefusalError(f"{BATCH}, not give shape {value.order.shape}")
    if axis == 0:
        raise RefusalError(BATCH)
    operator = HostOperator(name=operator_name(node), axis=axis - 1, keepdim=keepdim)
    return replace(value, host=(*value.host, operator))
