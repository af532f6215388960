"""What a value is a function of, element by element: a chain of operators on one other value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from zeroskip.contracts.graph import FloatArray, Function

if TYPE_CHECKING:
    from .reading import Value

aten = torch.ops.aten

RISING: frozenset[object] = frozenset({
    aten.sigmoid.default, aten.tanh.default, aten.hardsigmoid.default, aten.erf.default, aten.exp.default,
    aten.log_sigmoid.default, aten.selu.default, aten.atan.default, aten.relu.default, aten.relu6.default,
    aten.sigmoid_.default, aten.tanh_.default, aten.hardsigmoid_.default, aten.relu_.default, aten.relu6_.default,
})  # fmt: skip
"""Operators of one operand that never fall."""


@dataclass(frozen=True, eq=False)
class Expression:
    """An operator, whose operands are expressions, ``ROOT`` or numbers."""

    target: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def value(self, root: Tensor, found: dict[int, Tensor]) -> Tensor:
        """In float64. ``found``: values of expressions that are known, by identity."""

        def known(operand: Any) -> Any:
            if operand is ROOT:
                return root.clone()  # an operator may write in place
            return operand.value(root, found).clone() if isinstance(operand, Expression) else operand

        if id(self) not in found:
            args = [known(arg) for arg in self.args]
            kwargs = {name: known(arg) for name, arg in self.kwargs.items()}
            result = self.target(*args, **kwargs)
            found[id(self)] = result.double() if result.is_floating_point() else result
        return found[id(self)]

    @property
    def rising(self) -> bool:
        """Certainly never falls."""
        first = self.args[0] if self.args else None
        inner = first is ROOT or (isinstance(first, Expression) and first.rising)
        return self.target in RISING and len(self.args) == 1 and inner

    def __str__(self) -> str:
        operands = ", ".join(f"{arg:g}" if isinstance(arg, float) else str(arg) for arg in self.args)
        return f"{self.name}({operands})"

    @property
    def name(self) -> str:
        """``sigmoid`` for ``aten.sigmoid_.default``."""
        return str(self.target.overloadpacket.__name__).removesuffix("_")


class _Root:
    def __str__(self) -> str:
        return "x"


ROOT = _Root()
"""The value of which an expression is a function."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chain:
    """What a value is a function of.

    tabled : only a table computes it
    """

    root: Value
    expression: Expression
    tabled: bool

    @property
    def function(self) -> Function:
        """The function of the root's elements."""

        def of(x: FloatArray) -> FloatArray:
            result: FloatArray = self.expression.value(torch.from_numpy(np.asarray(x)), {}).double().numpy()
            return result

        plain = all(arg is ROOT for arg in self.expression.args)
        name = self.expression.name if plain else str(self.expression)
        return Function(name=name, of=of, rising=self.expression.rising)
