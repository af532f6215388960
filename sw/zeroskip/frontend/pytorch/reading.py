"""The values of an exported graph while it is read. A write in place changes every view that shares its memory, even a hidden one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import torch
from torch import fx

from zeroskip.contracts.graph import INPUT, Shape
from zeroskip.contracts.host import HostOperator
from zeroskip.frontend.lowering.steps import Step, image_shape, size
from zeroskip.frontend.refusal import RefusalError

from .chains import Chain
from .nodes import Parameters, is_in_place, operand, operator_name, shape
from .orders import FILL, Order, of_batch, plain

aten = torch.ops.aten

VIEWS: frozenset[object] = frozenset({
    aten.flatten.using_ints, aten.view.default, aten.reshape.default, aten.unflatten.int, aten.squeeze.default,
    aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default, aten.contiguous.default, aten.detach.default,
    aten.alias.default, aten.to.dtype, aten.dropout.default, aten.feature_dropout.default, aten.alpha_dropout.default,
})  # fmt: skip
"""Operators whose result has all elements of their operand, in order, and may share its memory."""


class SkippedError(Exception):
    """A node reads the value of a refused node. Nothing more can be said about it."""


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor of the model.

    name : of what is stored; values that only order it differently share the name
    stored : (channels, height, width) as the array keeps it, for one sample
    order : in the tensor's own shape, where its elements lie (:mod:`.orders`)
    fill : the number where ``order`` is -1
    host : what the host does before the value has these numbers
    moved_by : name of the last operator that changed the order
    """

    name: str
    stored: Shape
    order: Order
    fill: float = 0.0
    host: tuple[HostOperator, ...] = ()
    moved_by: str = ""

    def fresh(self, name: str) -> Value:
        """A value of its own, whose elements lie as these do."""
        return replace(self, name=name)

    def moved(self, order: Order, by: str) -> Value:
        """The same elements in another order, or only in another shape."""
        same = np.array_equal(order.reshape(-1), self.order.reshape(-1))
        return replace(self, order=order, moved_by=self.moved_by if same else by)


@dataclass(frozen=True)
class Missing:
    """A result that is not kept and must not be read. ``what`` says what it is."""

    what: str


Given: TypeAlias = Value | Missing
"""The result of a node."""


@dataclass
class _Memory:
    """Nodes that may share memory. Those in ``same`` certainly have all of it; those in ``unsure`` have a part or may be a copy."""

    same: list[fx.Node] = field(default_factory=list)
    unsure: list[fx.Node] = field(default_factory=list)


class Reading:
    """The state that readers of operators work with.

    parameters : the tensors of the model
    batch : samples that the graph was exported with
    steps : the steps read so far
    chains : of values that are functions of another one, element by element, by name
    made : names of reordered copies, by what they are made from and how

    Readers take operands with :meth:`value`, make results with :meth:`make`, and append to ``steps``.
    """

    def __init__(self, graph: fx.Graph, parameters: Parameters, entry: fx.Node, stored: Shape, order: Order) -> None:
        self.parameters = parameters
        self.batch = shape(entry)[0]
        self.steps: list[Step] = []
        self.chains: dict[str, Chain] = {}
        self.made: dict[tuple[str, float, Shape, bytes], str] = {}
        self._position = {node: position for position, node in enumerate(graph.nodes)}
        self._memories: dict[fx.Node, _Memory] = defaultdict(_Memory)
        self._refused: set[str] = set()
        self._values: dict[fx.Node, Given | Sequence[Given] | None] = {entry: Value(INPUT, stored, order)}
        self._remember(entry)

    def holds(self, node: object) -> bool:
        """Whether ``node`` depends on the network's input."""
        return node in self._values

    def value(self, node: object) -> Value:
        """The value that ``node`` gives now, as the array has it."""
        found = self.given(node)
        if found.host:
            raise RefusalError(f"input must not be the result of {found.host[-1].name}, which only the host computes")
        return found

    def given(self, node: object) -> Value:
        """The value that ``node`` gives now, the host's part of it included."""
        if not isinstance(node, fx.Node) or node not in self._values:
            raise RefusalError("must work on the network's input, not on parameters alone")
        found = self._values[node]
        if isinstance(found, Missing):
            raise RefusalError(f"input must not be {found.what}")
        if not isinstance(found, Value):
            raise SkippedError
        return found

    def part(self, node: object, index: int) -> Given:
        """One of the values that ``node`` gives as a list."""
        found = self._values[node] if isinstance(node, fx.Node) else None
        if not isinstance(found, Sequence):
            raise SkippedError
        return found[index]

    def is_refused(self, value: Value) -> bool:
        """Whether the value stands for one that cannot be built, so that nothing is known of its order."""
        return value.name in self._refused

    def make(
        self, node: fx.Node, stored: Shape, first: Order | None = None, suffix: str = "", user: tuple[int, ...] | None = None
    ) -> Value:  # fmt: skip
        """A new value for what ``node`` gives.

        first : where the elements of the first sample lie; as they are stored, if left out
        user : shape with the batch axis, if it is not the node's
        """
        order = plain(stored) if first is None else first
        return Value(f"%{node.name}{suffix}", stored, of_batch(order, self.batch, size(stored), user or shape(node)))

    def give(self, node: fx.Node, result: Given | Sequence[Given]) -> None:
        """Set ``result`` as the value of ``node``. If the node writes in place, its operand has this value too from now on."""
        if is_in_place(node):
            assert isinstance(result, Value)
            self._overwrite(node, result)
        self._values[node] = result
        self._remember(node)

    def refuse(self, node: fx.Node) -> None:
        """Give a refused node a value too, so that the nodes after it are still judged."""
        meta = node.meta.get("val")
        self._values[node] = None
        if isinstance(meta, torch.Tensor) and meta.ndim and meta.shape[0] == self.batch and meta.numel():
            user = shape(node)[1:]
            stored = image_shape(user) or (size(user), 1, 1)  # type: ignore[arg-type]
            value = self.make(node, stored)
            self._values[node] = value
            self._refused.add(value.name)
        self._remember(node)

    def _remember(self, node: fx.Node) -> None:
        known = isinstance(node.target, torch._ops.OpOverload)
        origin: object = operand(node) if known else node.args[0] if node.args else None
        writes = is_in_place(node)
        if isinstance(origin, fx.Node) and (writes or node.target in VIEWS):
            memory = self._memories[origin]
            certain = writes or origin.meta["val"].is_contiguous()
            (memory.same if certain and origin in memory.same else memory.unsure).append(node)
        elif isinstance(origin, fx.Node) and (_may_alias(node) or operator_name(node) == "getitem"):
            memory = self._memories[origin]
            memory.unsure.append(node)
        else:
            memory = _Memory(same=[node])
        self._memories[node] = memory

    def _overwrite(self, node: fx.Node, result: Value) -> None:
        written = operand(node)
        assert isinstance(written, fx.Node)
        if not self.holds(written):
            raise RefusalError("must not change the model's own tensors in place")
        memory = self._memories[written]
        for other in [*memory.same, *memory.unsure]:
            if other is written:
                continue
            if written in memory.same and other in memory.same:
                value = self._values[other]
                if isinstance(value, Value):
                    self._values[other] = replace(result, order=result.order.reshape(value.order.shape))
            elif any(self._position[user] > self._position[node] for user in other.users):
                raise RefusalError(f"must not change {other.name!r} in place through a view of it")
        self._values[written] = result


def _may_alias(node: fx.Node) -> bool:
    """Whether the operator's result may share part of its operand's memory."""
    return isinstance(node.target, torch._ops.OpOverload) and any(
        returned.alias_info is not None for returned in node.target._schema.returns
    )


def filled(value: Value) -> bool:
    """Whether some of its elements are not stored."""
    return bool((value.order == FILL).any())


def same_order(first: Value, second: Value) -> bool:
    """Whether both have their elements at the same places."""
    return (
        first.stored == second.stored
        and (first.fill == second.fill or not filled(first))
        and np.array_equal(first.order, second.order)
    )
