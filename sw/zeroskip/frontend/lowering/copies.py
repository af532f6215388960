"""Padding, slices and flattening: merged, or folded into the layers that read them, or else made layers of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import POINTWISE, Layer, Shape, Window

from .padding import padding_after
from .passes import Formats, all_shapes, count_readers, readers_of
from .steps import CopyStep, FlattenStep, Step


def merge_copies(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Merge a copy of a copy into one copy, where no other step reads the tensor between them."""
    shapes, readers = all_shapes(steps, known), count_readers(steps, result)
    done: dict[str, Step] = {}
    for step in steps:
        inner = done.get(step.source) if isinstance(step, CopyStep) else None
        if isinstance(step, CopyStep) and isinstance(inner, CopyStep) and readers[step.source] == 1:
            merged = _merge(inner, step, shapes) if step.source not in formats else None
            if merged is not None:
                del done[step.source]
                step = merged
        done[step.output] = step
    return list(done.values())


def _merge(inner: CopyStep, outer: CopyStep, shapes: Mapping[str, Shape]) -> CopyStep | None:
    """One copy that does both, or None.

    Padding around a slice would let in what the slice cut away. A slice that leaves nothing but padding has no window.
    """
    strides, before, after = [], [], []
    for axis in (0, 1):
        first, second = inner.window.stride[axis], outer.window.stride[axis]
        pad_inner, pad_outer = inner.window.padding[axis], outer.window.padding[axis]
        cut = pad_inner < 0 or inner.window.padding[axis + 2] < 0 or first > 1
        if cut and (pad_outer > 0 or outer.window.padding[axis + 2] > 0):
            return None
        strides.append(first * second)
        before.append(pad_inner + first * pad_outer)
        length, count = shapes[inner.source][axis + 1], shapes[outer.output][axis + 1]
        after.append(padding_after(length, count, 1, strides[-1], 1, before[-1]))
        if min(before[-1], after[-1]) <= -length:
            return None
    channels = tuple(None if channel is None else inner.channels[channel] for channel in outer.channels)
    window = Window(stride=(strides[0], strides[1]), padding=(*before, *after))  # type: ignore[arg-type]
    return replace(outer, source=inner.source, channels=channels, window=window)


def fold_padding(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Fold zero padding into the windows of the layers that read it, where all of them are sums."""
    shapes = all_shapes(steps, known)
    kept = {step.output: step for step in steps}
    for step in steps:
        if not isinstance(step, CopyStep) or not _only_pads(step, shapes) or step.output == result:
            continue
        if formats.get(step.output) not in (None, formats.get(step.source)):
            continue
        readers = readers_of(step.output, kept.values())
        if not all(isinstance(reader, Layer) and not reader.maximum for reader in readers):
            continue
        for reader in readers:
            assert isinstance(reader, Layer)
            padding = tuple(a + b for a, b in zip(reader.window.padding, step.window.padding, strict=True))
            window = replace(reader.window, padding=padding)  # type: ignore[arg-type]
            kept[reader.output] = replace(reader, source=step.source, window=window)
        del kept[step.output]
    return list(kept.values())


def _only_pads(step: CopyStep, shapes: Mapping[str, Shape]) -> bool:
    return (
        step.channels == tuple(range(shapes[step.source][0]))
        and step.window.stride == (1, 1)
        and min(step.window.padding) >= 0
    )


def absorb_flattening(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Remove a vector made from an image, where only fully connected layers read it. Their kernels are then the whole image."""
    kept = {step.output: step for step in steps}
    for step in steps:
        if not isinstance(step, FlattenStep) or step.output == result or step.output in formats:
            continue
        readers = readers_of(step.output, kept.values())
        if not all(isinstance(reader, Layer) and reader.groups == 1 and _is_one_product(reader) for reader in readers):
            continue
        for reader in readers:
            assert isinstance(reader, Layer)
            shape = (reader.outputs, *step.shape)
            kept[reader.output] = replace(
                reader, source=step.source, window=Window(kernel=step.shape[1:]),
                weight=reader.weight.reshape(shape), mask=reader.mask.reshape(shape),
            )  # fmt: skip
        del kept[step.output]
    return list(kept.values())


def _is_one_product(layer: Layer) -> bool:
    """Whether it takes the sum over one tap, which is the whole of a vector."""
    return layer.window == POINTWISE and not layer.maximum


def copies_to_layers(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Turn every remaining copy or flattening into a layer."""
    shapes = all_shapes(steps, known)
    return [
        copy_layer(step, shapes[step.source][0]) if isinstance(step, CopyStep)
        else _flatten_layer(step) if isinstance(step, FlattenStep)
        else step
        for step in steps
    ]  # fmt: skip


def copy_layer(step: CopyStep, channels: int) -> Layer:
    """The layer that copies: depthwise where every channel stays, else with one kept weight for each chosen channel."""
    if step.channels == tuple(range(channels)):
        weight, groups = np.ones((channels, 1, 1, 1)), channels
    else:
        weight, groups = np.zeros((len(step.channels), channels, 1, 1)), 1
        for row, channel in enumerate(step.channels):
            if channel is not None:
                weight[row, channel] = 1.0
    return Layer(
        name=step.name, source=step.source, output=step.output, weight=weight, mask=weight != 0,
        bias=np.zeros(len(weight)), window=step.window, groups=groups, structural=True,
    )  # fmt: skip


def plain_copy(name: str, source: str, output: str, channels: int) -> Layer:
    """The layer that gives its source unchanged."""
    every = tuple(range(channels))
    return copy_layer(CopyStep(name=name, source=source, output=output, channels=every, window=Window()), channels)


def _flatten_layer(step: FlattenStep) -> Layer:
    """The layer that flattens: its kernel is the whole image, with one kept weight per output."""
    channels, height, width = step.shape
    pixels = height * width
    weight = np.tile(np.eye(pixels).reshape(pixels, 1, height, width), (channels, 1, 1, 1))
    return Layer(
        name=step.name, source=step.source, output=step.output, weight=weight, mask=weight != 0,
        bias=np.zeros(channels * pixels), window=Window(kernel=(height, width)), groups=channels, structural=True,
    )  # fmt: skip
