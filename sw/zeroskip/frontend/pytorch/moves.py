"""Readers of the operators that move elements and change none. They run on the order of their operand instead of its numbers."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from zeroskip.contracts.axes import Axes
from zeroskip.contracts.graph import Shape
from zeroskip.frontend.lowering.steps import ConcatStep, image_shape, size
from zeroskip.frontend.refusal import RefusalError

from .copying import add_up
from .layouts import as_it_stands, image_of, in_whole
from .nodes import Parameters, arguments, operand, qualified_name, shape
from .orders import FILL, Order, of_batch, plain, whole
from .reading import Given, Reading, Value, filled

aten = torch.ops.aten

MOVES: frozenset[object] = frozenset({
    aten.flatten, aten.view, aten.reshape, aten.unflatten, aten.squeeze, aten.unsqueeze, aten.permute, aten.transpose, aten.t, aten.numpy_T,
    aten.movedim, aten.moveaxis, aten.swapaxes, aten.swapdims, aten.mT, aten.slice, aten.select, aten.narrow, aten.split,
    aten.split_with_sizes, aten.chunk, aten.tensor_split, aten.hsplit, aten.vsplit, aten.unbind, aten.flip, aten.fliplr, aten.flipud,
    aten.roll, aten.rot90, aten.expand, aten.expand_as, aten.broadcast_to, aten.repeat, aten.repeat_interleave, aten.tile,
    aten.pixel_shuffle, aten.pixel_unshuffle, aten.channel_shuffle, aten.native_channel_shuffle, aten.index_select, aten.index,
    aten.gather, aten.unfold, aten.im2col, aten.diagonal, aten.view_as, aten.reshape_as, aten.atleast_1d, aten.atleast_2d,
    aten.atleast_3d, aten.reflection_pad1d, aten.reflection_pad2d, aten.replication_pad1d, aten.replication_pad2d,
    aten.upsample_nearest1d, aten.upsample_nearest2d, aten._unsafe_view, aten.alias, aten.detach, aten.clone, aten.contiguous,
})  # fmt: skip
"""Operators of one tensor, in all their forms, each element of whose result is an element of their operand."""


_LIKE = frozenset({aten.expand_as, aten.view_as, aten.reshape_as})
"""Those of which the second operand gives no more than its shape."""


def is_move(node: fx.Node) -> bool:
    """Whether :func:`move` reads the node."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target.overloadpacket in MOVES


def move(node: fx.Node, reading: Reading) -> Given | Sequence[Given]:
    """The operand's elements in another order, some of them once, often, or not at all."""
    value = reading.given(operand(node))
    orders = _run(node, value.order, reading.parameters)
    if value.host:
        if not isinstance(orders, list) and np.array_equal(orders, value.order):
            return value
        raise RefusalError(f"must not move the result of {value.host[-1].name}, which only the host computes")
    name = qualified_name(node)
    if any(order.size == 0 for order in (orders if isinstance(orders, list) else [orders])):
        raise RefusalError("must leave at least one element")
    if isinstance(orders, list):
        return [value.moved(order, f"{name}.{index}") for index, order in enumerate(orders)]
    return value.moved(orders, name)


def _run(node: fx.Node, order: Order, parameters: Parameters) -> Any:
    """The operator's result on the order."""
    assert isinstance(node.target, torch._ops.OpOverload)
    like = node.target.overloadpacket in _LIKE
    args, kwargs = fx.map_arg(
        (node.args[1:], dict(node.kwargs)), lambda read: torch.zeros(shape(read)) if like else parameters.tensor(read)
    )
    return _orders(node.target(_indices(order), *args, **kwargs))


def _indices(order: Order) -> Tensor:
    """In float64, which holds every index and which all operators know."""
    return torch.tensor(order, dtype=torch.float64)


def _orders(results: Any) -> Any:
    if isinstance(results, Tensor):
        return results.numpy().astype(np.int64)
    return [_orders(result) for result in results]


def dropout(node: fx.Node, reading: Reading) -> Value:
    """Changes nothing in eval mode."""
    if arguments(node)["train"]:
        raise RefusalError("must be in eval mode")
    return reading.given(operand(node))


def cast(node: fx.Node, reading: Reading) -> Value:
    """A cast between floating point types."""
    source = operand(node)
    assert isinstance(source, fx.Node)
    before, after = source.meta["val"].dtype, node.meta["val"].dtype
    if before != after and not (before.is_floating_point and after.is_floating_point):
        raise RefusalError(f"may not change the dtype, {before} to {after}")
    return reading.given(source)


def pad(node: fx.Node, reading: Reading) -> Value:
    """Padding of any axis but the batch, with a number or with elements of the tensor. Negative padding is a slice."""
    given = arguments(node)
    value = reading.value(given["self"])
    mode, fill = given.get("mode", "constant"), float(given.get("value") or 0.0)
    if np.isnan(fill) or fill == np.inf:
        raise RefusalError(f"padding must be a finite number or minus infinity, not {fill:g}")
    grows = any(amount > 0 for amount in given["pad"])
    if mode != "constant" or not grows:
        fill = value.fill
    elif filled(value) and fill != value.fill:
        value = in_whole(node, reading, value)
    padded = aten.pad(_indices(value.order), given["pad"], mode, float(FILL) if mode == "constant" else None)
    order = padded.numpy().astype(np.int64)
    if order.size == 0:
        raise RefusalError("must leave at least one element")
    whole(order, reading.batch, size(value.stored))
    return replace(value, fill=fill).moved(order, qualified_name(node))


def getitem(node: fx.Node, reading: Reading) -> Given:
    """One of the tensors that an operator returns."""
    source, index = node.args
    assert isinstance(index, int)
    return reading.part(source, index)


def concat(node: fx.Node, reading: Reading) -> Value:
    """Several tensors, one after the other along an axis, or along a new one.

    Images of one size lie one after the other along the channels, whichever axis the model has them on. Others are padded and added.
    """
    nodes: list[Any] = list(arguments(node)["tensors"])
    if not all(reading.holds(part) for part in nodes):
        raise RefusalError("must concatenate results of the network, not parameters")
    values = [in_whole(node, reading, reading.value(part)) for part in nodes]
    if len({value.stored[1:] for value in values}) > 1:
        values = [as_it_stands(node, reading, value) for value in values]
    if len({value.stored[1:] for value in values}) > 1:
        return _side_by_side(node, reading, values)
    stored: Shape = (sum(value.stored[0] for value in values), *values[0].stored[1:])
    order = _concatenated(node, reading, values, stored)
    if len(values) == 1:
        return values[0].moved(order, qualified_name(node))
    name = f"%{node.name}"
    names = tuple(value.name for value in values)
    reading.steps.append(ConcatStep(name=qualified_name(node), sources=names, output=name))
    return Value(name, stored, order)


def _concatenated(node: fx.Node, reading: Reading, values: Sequence[Value], stored: Shape) -> Order:
    """The order of the result, if the stored elements of the values lie one value after the other."""
    elements, start, orders = size(stored), 0, []
    for value in values:
        own = size(value.stored)
        orders.append(_indices(value.order // own * elements + start + value.order % own))
        start += own
    assert isinstance(node.target, torch._ops.OpOverload)
    return np.asarray(_orders(node.target(orders, *node.args[1:], **node.kwargs)))


def _side_by_side(node: fx.Node, reading: Reading, values: Sequence[Value]) -> Value:
    """Images of different sizes: each with zeros where the others lie, added up."""
    sizes = [size(value.stored) for value in values]
    order = _concatenated(node, reading, values, (sum(sizes), 1, 1))
    first = whole(order, reading.batch, sum(sizes))
    wanted = image_shape(first.shape)
    if wanted is None:
        raise RefusalError(f"must have three axes for each sample at most, not shape {order.shape}")
    first = first.reshape(wanted)
    names = []
    for value, start in zip(values, np.cumsum([0, *sizes[:-1]]), strict=True):
        inside = (first >= start) & (first < start + size(value.stored))
        names.append(image_of(node, reading, value, np.where(inside, first - start, FILL)).value)
    add_up(reading, qualified_name(node), names, f"%{node.name}")
    return Value(f"%{node.name}", wanted, of_batch(plain(wanted), reading.batch, size(wanted), order.shape))


READ_AS_PART = operator.getitem
"""The operator that picks from a list of tensors, in the exported graph."""

_PADS = (aten.pad.default, aten.constant_pad_nd.default)

CHANNELS = {
    aten.conv1d: 1, aten.conv2d: 1, aten.avg_pool1d: 1, aten.avg_pool2d: 1, aten.max_pool1d: 1, aten.max_pool2d: 1,
    aten.adaptive_avg_pool1d: 1, aten.adaptive_avg_pool2d: 1, aten.adaptive_max_pool1d: 1, aten.adaptive_max_pool2d: 1,
    aten.batch_norm: 1, aten.prelu: 1, aten.linear: -1, aten.matmul: -1,
}  # fmt: skip
"""The axis of the channels, by operator that reads an image."""


def entry_layout(graph: fx.Graph, entry: fx.Node, parameters: Parameters) -> tuple[Shape, Order]:
    """How the network's input is stored: so that the first operator which works on an image finds it there, else as it is first read.

    Returns (channels, height, width) and the order of the input.
    """
    user, batch = shape(entry), shape(entry)[0]
    elements = size(user[1:])  # type: ignore[arg-type]
    orders: dict[fx.Node, Order] = {entry: plain(user)}  # type: ignore[arg-type]
    read: list[Order] = []
    for node in graph.nodes:
        source = next((operand for operand in node.all_input_nodes if operand in orders), None)
        if source is None or not isinstance(node.target, torch._ops.OpOverload):
            continue
        axis = CHANNELS.get(node.target.overloadpacket)
        found = None if axis is None else _image_order(orders[source], axis, batch, elements)
        if found is not None and orders[source].ndim > 2:
            return _stored_as(found, batch, user)
        if not is_move(node) and node.target not in _PADS:
            read.append(orders[source])
        moved = _follow(node, orders[source], parameters)
        if moved is not None and axis is None:
            orders[node] = moved
    candidates = [order for order in read if order.ndim > 2] + read + [plain(user)]  # type: ignore[arg-type]
    images = (_image_order(order, 1, batch, elements) for order in candidates)
    return _stored_as(next((image for image in images if image is not None), plain((elements, 1, 1))), batch, user)


def _stored_as(image: Order, batch: int, user: tuple[int, ...]) -> tuple[Shape, Order]:
    places = np.empty(image.size, dtype=np.int64)
    places[image.reshape(-1)] = np.arange(image.size)
    return image.shape, of_batch(places, batch, image.size, user)


def _follow(node: fx.Node, order: Order, parameters: Parameters) -> Order | None:
    """The order behind a node: moved, or the same if the node only pads or changes every element alone; else None."""
    meta = node.meta.get("val")
    if node.target in _PADS:
        return order
    if is_move(node):
        try:
            moved = _run(node, order, parameters)
        except RefusalError:  # it needs what the model computes from its parameters, which is not known yet
            return None
        return None if isinstance(moved, list) else moved
    return order if isinstance(meta, Tensor) and tuple(meta.shape) == order.shape else None


def _image_order(order: Order, axis: int, batch: int, elements: int) -> Order | None:
    """(channels, height, width) of the input's own places, or None where that is not the whole input, evenly walked."""
    try:
        first = whole(order, batch, elements)
    except RefusalError:
        return None
    if axis == -1:
        first = np.moveaxis(first, -1, 0)
    wanted = image_shape(first.shape)
    if wanted is None:
        return None
    found = first.reshape(wanted)
    if found.size != elements or found.min() < 0 or Axes.of(found) is None:
        return None
    return found
