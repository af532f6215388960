"""The values of an exported graph while it is read. A write in place changes every view that shares its memory, even a hidden one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import torch
from torch import fx

from zeroskip.contracts.graph import INPUT, Shape
from zeroskip.frontend.lowering.steps import FlattenStep, Step, Value, image_shape, size
from zeroskip.frontend.refusal import RefusalError

from .chains import Chain
from .nodes import Parameters, is_in_place, operand, operator_name, shape

aten = torch.ops.aten

VIEWS: frozenset[object] = frozenset({
    aten.flatten.using_ints, aten.view.default, aten.reshape.default, aten.unflatten.int, aten.squeeze.default,
    aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default, aten.contiguous.default, aten.detach.default,
    aten.alias.default, aten.to.dtype, aten.dropout.default, aten.feature_dropout.default, aten.alpha_dropout.default,
})  # fmt: skip
"""Operators whose result has all elements of their operand, in order, and may share its memory."""

_PARTS: frozenset[object] = frozenset({aten.slice.Tensor, aten.chunk.default, aten.split.Tensor,
                                       aten.split_with_sizes.default, aten.narrow.default})  # fmt: skip
"""Operators whose result shares part of their operand's memory."""


class SkippedError(Exception):
    """A node reads the value of a refused node. Nothing more can be said about it."""


@dataclass(frozen=True)
class Missing:
    """A result that is not kept and must not be read. ``what`` says what it is."""

    what: str


@dataclass(frozen=True)
class Padded:
    """A value with minus infinity around it, which only a maximum can read. ``padding`` is (top, left, bottom, right)."""

    value: Value
    user: tuple[int, ...]
    padding: tuple[int, int, int, int]


Given: TypeAlias = Value | Missing | Padded
"""The result of a node."""


@dataclass
class _Memory:
    """Nodes that may share memory. Those in ``same`` certainly have all of it; those in ``unsure`` have a part or may be a copy."""

    same: list[fx.Node] = field(default_factory=list)
    unsure: list[fx.Node] = field(default_factory=list)


class Reading:
    """The state that readers of operators work with.

    parameters : the tensors of the model
    input : the value that enters the network
    steps : the steps read so far
    chains : of values that are functions of another one, element by element, by name

    Readers take operands with :meth:`value`, make results with :meth:`make` or :meth:`view`, and append to ``steps``.
    """

    def __init__(self, graph: fx.Graph, parameters: Parameters, entry: fx.Node) -> None:
        self.parameters = parameters
        self.steps: list[Step] = []
        self.chains: dict[str, Chain] = {}
        self._order = {node: position for position, node in enumerate(graph.nodes)}
        self._memories: dict[fx.Node, _Memory] = defaultdict(_Memory)
        user = shape(entry)[1:]
        self._batch = shape(entry)[0]
        self.input = Value(INPUT, _stored(entry), user)
        self._values: dict[fx.Node, Given | Sequence[Given] | None] = {entry: self.input}
        self._remember(entry)

    def holds(self, node: object) -> bool:
        """Whether ``node`` depends on the network's input."""
        return node in self._values

    def value(self, node: object) -> Value:
        """The value that ``node`` gives now."""
        if not isinstance(node, fx.Node) or node not in self._values:
            raise RefusalError("must work on the network's input, not on parameters alone")
        found = self._values[node]
        if isinstance(found, Missing):
            raise RefusalError(f"input must not be {found.what}")
        if isinstance(found, Padded):
            raise RefusalError("input must not be padded with minus infinity; only max pooling may read that")
        if not isinstance(found, Value):
            raise SkippedError
        return found

    def part(self, node: object, index: int) -> Given:
        """One of the values that ``node`` gives as a list."""
        found = self._values[node] if isinstance(node, fx.Node) else None
        if not isinstance(found, Sequence):
            raise SkippedError
        return found[index]

    def padded(self, node: object, axes: int) -> Padded:
        """The image that :meth:`image` gives, and the padding that a maximum finds around it."""
        found = self._values[node] if isinstance(node, fx.Node) and self.holds(node) else None
        if isinstance(found, Padded) and len(found.user) == axes:
            return found
        value = self.image(node, axes)
        return Padded(value, value.user, (0, 0, 0, 0))

    def image(self, node: object, axes: int) -> Value:
        """The value of a node that must be an image of ``axes`` axes: the channels, and one or two more."""
        value = self.value(node)
        wanted = "(batch, channels, length)" if axes == 2 else "(batch, channels, height, width)"
        if len(value.user) != axes:
            raise RefusalError(f"input must be {wanted}, not {(self._batch, *value.user)}")
        return self.stored(value)

    def stored(self, value: Value) -> Value:
        """The value in the stored axes: an image as it is, a vector flattened. Any other value is refused."""
        if value.is_image:
            return value
        if value.is_vector:
            name = f"{value.name}.flat"
            flat = Value(name, (size(value.stored), 1, 1), value.user)
            if all(step.output != name for step in self.steps):
                self.steps.append(FlattenStep(name="flatten", source=value.name, output=name, shape=value.stored))
            return flat
        raise RefusalError(
            f"input must not be reshaped to {value.user} from {value.stored}: only the network's input may be"
        )

    def make(self, node: fx.Node, stored: Shape, suffix: str = "") -> Value:
        """A new value for what ``node`` gives."""
        return Value(f"%{node.name}{suffix}", stored, shape(node)[1:])

    def view(self, node: fx.Node) -> Value:
        """The operand's elements in the shape of ``node``."""
        value = self.value(operand(node))
        before, after = shape(operand(node)), shape(node)
        if after[:1] != before[:1]:
            raise RefusalError(f"must leave the batch axis alone, {before} to {after}")
        return replace(value, user=after[1:])

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
        user = shape(node)[1:] if isinstance(meta, torch.Tensor) and meta.ndim else None
        stored = image_shape(user) if user is not None else None
        self._values[node] = Value(f"%{node.name}", stored, user) if stored and user else None
        self._remember(node)

    def _remember(self, node: fx.Node) -> None:
        known = isinstance(node.target, torch._ops.OpOverload)
        origin: object = operand(node) if known else node.args[0] if node.args else None
        writes = is_in_place(node)
        if isinstance(origin, fx.Node) and (writes or node.target in VIEWS):
            memory = self._memories[origin]
            certain = writes or origin.meta["val"].is_contiguous()
            (memory.same if certain and origin in memory.same else memory.unsure).append(node)
        elif isinstance(origin, fx.Node) and (node.target in _PARTS or operator_name(node) == "getitem"):
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
                    self._values[other] = replace(result, user=value.user)
            elif any(self._order[user] > self._order[node] for user in other.users):
                raise RefusalError(f"must not change {other.name!r} in place through a view of it")
        value = self._values[written]
        if isinstance(value, Value):
            self._values[written] = replace(result, user=value.user)


def _stored(entry: fx.Node) -> Shape:
    """The stored shape of the network's input: as the first operator that is not a view reads it."""
    seen: list[tuple[int, ...]] = []
    pending = [entry]
    while pending:
        node = pending.pop(0)
        readers = list(node.users)
        pending += [user for user in readers if user.target in VIEWS]
        if any(user.target not in VIEWS for user in readers):
            seen.append(shape(node)[1:])
    images = [image_shape(user) for user in seen if len(user) > 1]
    found = next((image for image in images if image is not None), None)
    return found or (size(shape(entry)[1:]), 1, 1)  # type: ignore[arg-type]
