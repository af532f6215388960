"""Values that are a function of one other value, element by element: written as any chain of operators, computed as one table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import fx

from zeroskip.contracts.graph import Activation
from zeroskip.frontend.lowering.steps import PointwiseStep
from zeroskip.frontend.refusal import RefusalError

from .chains import ROOT, Chain, Expression
from .layouts import in_whole
from .nodes import is_in_place, operator_name, qualified_name, shape
from .reading import Reading, SkippedError, Value, same_order

aten = torch.ops.aten

UNTAGGED: frozenset[object] = frozenset(
    {
        aten.hardswish.default,
        aten.hardswish_.default,
        aten.log_sigmoid.default,
        aten.to.dtype,
        aten.where.Scalar,
        aten.where.ScalarOther,
        aten.where.ScalarSelf,
    }
)
"""Operators that work element by element, though torch does not say so."""


def chain_of(node: fx.Node, reading: Reading) -> Chain | None:
    """The chain whose last operator is ``node``, if that works element by element on one value, and numbers."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or torch.Tag.nondeterministic_seeded in target.tags:
        return None
    if torch.Tag.pointwise not in target.tags and target not in UNTAGGED:
        return None
    roots: list[Value] = []
    tabled = False

    def known(operand: fx.Node) -> Any:
        nonlocal tabled
        if not reading.holds(operand):
            number = reading.parameters.constant(operand)
            if number is None or number.size != 1:
                raise RefusalError("not one number")
            return float(number.reshape(()))
        value = in_whole(node, reading, reading.value(operand))
        if value.order.shape != shape(node):
            raise RefusalError("not of one shape")
        chain = reading.chains.get(value.name)
        roots.append(value if chain is None else replace(chain.root, order=value.order))
        tabled |= chain is not None and chain.tabled
        return ROOT if chain is None else chain.expression

    args: Any
    try:
        args, kwargs = fx.map_arg((node.args, node.kwargs), known)
    except (RefusalError, SkippedError):
        return None
    if target is aten.to.dtype:
        if args[1].is_complex:
            return None
        args = (args[0], torch.float64 if args[1].is_floating_point else args[1])  # all is computed in float64
    if not roots or any(root.name != roots[0].name or not same_order(root, roots[0]) for root in roots):
        return None
    return Chain(root=roots[0], expression=Expression(target, tuple(args), dict(kwargs)), tabled=tabled)


def as_table(node: fx.Node, reading: Reading, chain: Chain) -> Value:
    """The value of ``node`` by a table."""
    if is_in_place(node) and not node.meta["val"].is_floating_point():
        raise RefusalError(f"{operator_name(node)} must not change the type of numbers in place")
    result = chain.root.fresh(f"%{node.name}")
    reading.steps.append(
        PointwiseStep(
            name=qualified_name(node), source=chain.root.name, output=result.name, activation=Activation(table=chain.function)
        )
    )  # fmt: skip
    return result
