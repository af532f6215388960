"""Integer convolutional networks of every structure that the contract allows, straight in :mod:`zeroskip.contracts.network`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from tests.sim.image_builder import Builder
from tests.sim.image_windows import any_stride, any_window, window_between

from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.network import ACC_BITS_LIMIT, IntArray, QuantizedLayer, QuantizedNetwork

KINDS = {
    "conv": 22, "pointwise": 8, "depthwise": 10, "grouped": 5, "residual": 18, "whole_image": 6, "maximum": 9, "average": 7,
    "copy": 7, "concat": 10,
}  # fmt: skip
"""What a layer may be, by how often it is drawn."""

WHOLE = 0.3
"""Share of poolings that see the whole image."""

ENDS = {"plain": 78, "slopes": 10, "table": 12}


def any_image_network(
    rng: np.random.Generator, *, largest: int = 1500, deepest: int = 7, work: int = 30_000, weight_bits: int | None = None,
    acc_bits: int = ACC_BITS_LIMIT,
) -> QuantizedNetwork:  # fmt: skip
    """Every choice is drawn from ``rng``; most images are small.

    largest, deepest : at most so many activations in a tensor, and so many layers
    work : about so many products of a kept weight and an activation, at most; pooling and copies count as weights of 1
    weight_bits : 4, 8 or 16, drawn where it is None; acc_bits : no layer needs a wider accumulator
    """
    kinds = rng.choice(list(KINDS), p=_odds(KINDS), size=int(rng.integers(1, deepest + 1)))
    return image_network(
        rng, _input_shape(rng, largest), kinds.tolist(), largest=largest, work=work, acc_bits=acc_bits,
        weight_bits=weight_bits or int(rng.choice([4, 8, 16])), strange=float(rng.choice([0.0, 0.1, 0.5], p=[0.5, 0.4, 0.1])),
    )  # fmt: skip


def image_network(
    rng: np.random.Generator, shape: Shape, kinds: Sequence[str], *, weight_bits: int, strange: float = 0.0, largest: int = 1500,
    work: int = 30_000, acc_bits: int = ACC_BITS_LIMIT,
) -> QuantizedNetwork:  # fmt: skip
    """A network with about the structure that ``kinds`` name: as many layers, each of its kind where that is possible.

    strange : the share of output channels with extreme numbers
    """
    draft = _Draft(rng, Builder(rng, weight_bits=weight_bits, acc_bits=acc_bits, strange=strange), largest, work)
    draft.start(shape)
    left = list(kinds)
    while left:
        left = draft.step(left)
    (output,) = draft.unread
    layers = draft.builder.layers
    return draft.builder.network(
        output, layers=_in_any_order(rng, layers) if rng.random() < 0.4 else layers, input_shape=_user_shape(rng, shape),
        output_shape=_user_shape(rng, draft.shapes[output]),
    )  # fmt: skip


def image_inputs(rng: np.random.Generator, network: QuantizedNetwork, samples: int) -> IntArray:
    """(samples, *input_shape): the whole range, only its ends, or one value throughout, each sample as it falls."""
    low, high, inputs = network.input.low, network.input.high, math.prod(network.input_shape)
    x = rng.integers(low, high + 1, size=(samples, inputs))
    ends = rng.choice([low, high], size=(samples, inputs))
    same = np.broadcast_to(rng.choice([low, high, network.input.zero_point], size=(samples, 1)), x.shape)
    kind = rng.integers(5, size=(samples, 1))
    return np.asarray(np.where(kind == 0, ends, np.where(kind == 1, same, x)), dtype=np.int64).reshape(
        samples, *network.input_shape
    )


@st.composite
def image_networks(draw: st.DrawFn, weight_bits: int | None = None) -> QuantizedNetwork:
    """A Hypothesis strategy: shrinks to fewer and plainer layers on smaller images; numbers follow from the seed."""
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    kinds = draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=6))
    weight_bits = weight_bits or draw(st.sampled_from([8, 4, 16]))
    strange = draw(st.sampled_from([0.0, 0.1, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    network = image_network(rng, shape, kinds, weight_bits=weight_bits, strange=strange)
    note(describe(network))
    return network


def describe(network: QuantizedNetwork) -> str:
    """One line per layer, for messages."""
    lines = [f"input {network.shapes[INPUT]}, {network.weight_bits}-bit weights, output {network.output_name!r}"]
    for layer in network.layers:
        options = {
            "maximum": layer.maximum, f"groups {layer.groups}": layer.groups > 1, f"from channel {layer.channel}": layer.channel,
            f"+ {layer.residual}": layer.residual, "slopes": layer.slope is not None, "table": layer.table is not None,
        }  # fmt: skip
        window = layer.window
        walk = f"kernel {window.kernel}, stride {window.stride}, dilation {window.dilation}, padding {window.padding}"
        lines.append(
            f"{layer.name}: {layer.source} {network.shapes[layer.source]} → {layer.output} {network.shapes[layer.output]}, {walk}, "
            + ", ".join([f"{np.count_nonzero(layer.weight)} nonzero", *(text for text, on in options.items() if on)])
        )
    return "\n".join(lines)


# --- structure --------------------------------------------------------------------------------------------------------


class _Draft:
    """Grows a network by one layer, or one concatenation, at a time; every tensor will have been read when it ends."""

    def __init__(self, rng: np.random.Generator, builder: Builder, largest: int, work: int) -> None:
        self.rng, self.builder, self.shapes = rng, builder, builder.shapes
        self.largest, self.work = largest, work
        self.unread: list[str] = []

    def start(self, shape: Shape) -> None:
        self.unread = [self.builder.input(shape)]

    def step(self, left: list[str]) -> list[str]:
        """Take the first of the kinds that are left, or more for a concatenation; as many tensors as layers may be unread."""
        self.budget = max(200, 2 * self.work // len(left))
        spent = len(self.builder.layers)
        parts = min(len(left), int(self.rng.integers(2, 4)))
        if len(self.unread) == len(left) > 1:
            self._concat(list(self.unread))
        elif left[0] == "concat" and len(self.unread) - min(parts, len(self.unread)) + 1 <= max(1, len(left) - parts):
            first = self.unread[:parts]
            self._concat([*first, *(self._any_source() for _ in range(parts - len(first)))])
        else:
            free = len(self.unread) < len(left) - 1 and self.rng.random() < 0.35
            source = self._any_source() if free else str(self.rng.choice(self.unread))
            if left[0] != "residual" or not self._residual(source):
                self._plain(left[0], source)
        read = {layer.source for layer in self.builder.layers} | {layer.residual for layer in self.builder.layers}
        self.unread = [name for name in self.shapes if name not in read]
        return left[len(self.builder.layers) - spent :]

    def _any_source(self) -> str:
        return str(self.rng.choice(list(self.shapes)))

    def _plain(self, kind: str, source: str, window: Window | None = None, outputs: int = 0, **rest: Any) -> str:
        """A layer of that kind; ``window`` and ``outputs`` are given where the tensor it writes demands them."""
        channels, height, width = self.shapes[source]
        if kind == "whole_image" and window is None:
            window = Window(kernel=(height, width))
        elif kind == "pointwise" and window is None:
            window = Window(stride=any_stride(self.rng, height, width))
        elif kind in ("maximum", "average") and window is None and self.rng.random() < WHOLE:
            window = Window(kernel=(height, width))
        window = window or any_window(self.rng, height, width)
        if math.prod(window.output(height, width)) > self.largest:
            window = Window()
        pixels = math.prod(window.output(height, width))
        most = max(1, min(24, self.largest // pixels))
        taps, structural = math.prod(window.kernel), pixels * channels * math.prod(window.kernel) <= self.budget
        structural = structural and channels <= most and self.builder.fits(source, taps)
        if kind in ("maximum", "average") and structural and outputs in (0, channels):
            return self._pool(kind, source, window, **rest)
        if kind == "copy" and (window.kernel == (1, 1) or not rest):
            return self._copy(source, outputs or int(self.rng.integers(1, most + 1)), window, **rest)
        groups, outputs = self._groups(kind, channels, outputs, most)
        weights = outputs * channels // groups * taps
        kept = min(1.0, self.budget / max(1, weights * pixels))
        return self.builder.conv(source, outputs, window, groups=groups, kept=kept, **(self._end() | rest))

    def _groups(self, kind: str, channels: int, outputs: int, most: int) -> tuple[int, int]:
        """(groups, outputs) that divide each other as they must."""
        if kind == "depthwise" and (outputs % channels == 0 if outputs else channels <= most):
            return channels, outputs or channels * int(self.rng.integers(1, min(3, most // channels) + 1))
        if kind == "grouped":
            fitting = [
                g for g in range(2, channels + 1) if channels % g == 0 and (outputs % g == 0 if outputs else g <= most)
            ]
            if fitting:
                groups = int(self.rng.choice(fitting))
                return groups, outputs or groups * int(self.rng.integers(1, most // groups + 1))
        return 1, outputs or min(most, int(self.rng.choice([4, 8, 16, *self.rng.integers(1, 25, size=5)])))

    def _pool(self, kind: str, source: str, window: Window, **rest: Any) -> str:
        if kind == "average":
            return self.builder.average(source, window, **(self._end() | rest))
        identity = not rest and self.rng.random() < 0.6
        return self.builder.maximum(source, window, **({"identity": True} if identity else self._end() | rest))

    def _copy(self, source: str, outputs: int, window: Window, **rest: Any) -> str:
        """A slice of the channels, padding around them, or any choice; of every pixel or of some."""
        channels, height, width = self.shapes[source]
        if not rest and window.kernel != (1, 1):
            top, left = int(self.rng.integers(0, (height + 1) // 2)), int(self.rng.integers(0, (width + 1) // 2))
            window = Window(stride=any_stride(self.rng, height, width), padding=(-top, -left, 0, 0))
            outputs = min(outputs, max(1, self.largest // math.prod(window.output(height, width))))
        first = int(self.rng.integers(min(0, channels - outputs), max(0, channels - outputs) + 1))
        chosen: list[int | None] = [k if 0 <= k < channels else None for k in range(first, first + outputs)]
        if self.rng.random() < 0.3:
            chosen = [None if self.rng.random() < 0.2 else int(self.rng.integers(channels)) for _ in chosen]
        identity = not rest and self.rng.random() < 0.5
        return self.builder.copy(source, chosen, window, **({"identity": True} if identity else self._end() | rest))

    def _end(self) -> dict[str, Any]:
        """With slopes, a table, or neither."""
        end = str(self.rng.choice(list(ENDS), p=_odds(ENDS)))
        return {} if end == "plain" else {end: True}

    def _residual(self, source: str) -> bool:
        """A layer that adds a tensor made earlier, if one has a size that a window on ``source`` can give."""
        candidates = [str(name) for name in self.rng.permutation(list(self.shapes))]
        candidates.sort(key=lambda name: name not in self.unread or name == source)
        for residual in candidates:
            outputs, *size = self.shapes[residual]
            window = window_between(self.rng, self.shapes[source][1:], (size[0], size[1]))
            if window is not None and outputs <= 24:
                kind = str(
                    self.rng.choice(["conv", "depthwise", "grouped", "maximum", "copy"], p=[0.7, 0.1, 0.1, 0.05, 0.05])
                )
                self._plain(kind, source, window, outputs, residual=residual)
                return True
        return False

    def _concat(self, sources: list[str]) -> None:
        """One tensor with a layer from each of ``sources``; smaller than any of them, so that a window exists."""
        sizes = [self.shapes[source][1:] for source in sources]
        height, width = (min(size[axis] for size in sizes) for axis in (0, 1))
        if self.rng.random() < 0.4:
            height, width = int(self.rng.integers(1, height + 1)), int(self.rng.integers(1, width + 1))
        if self.rng.random() < 0.2 or height * width * len(sources) > self.largest:
            height = width = 1
        most = max(1, min(24, self.largest // (height * width)) // len(sources))
        outputs = [int(self.rng.integers(1, most + 1)) for _ in sources]
        output = self.builder.tensor((sum(outputs), height, width))
        channel = 0
        for source, share in zip(sources, outputs, strict=True):
            kind = str(self.rng.choice(["conv", "depthwise", "grouped", "maximum", "average", "copy"]))
            window = window_between(self.rng, self.shapes[source][1:], (height, width))
            assert window is not None
            residual = [name for name in self.shapes if self.shapes[name] == (share, height, width) and name != output]
            rest = {"residual": str(self.rng.choice(residual))} if residual and self.rng.random() < 0.3 else {}
            self._plain(kind, source, window, share, output=output, channel=channel, **rest)
            channel += share


# --- shapes and order -------------------------------------------------------------------------------------------------


def _input_shape(rng: np.random.Generator, largest: int) -> Shape:
    small = int(rng.choice([1, 2, 3, 4, 5, 6, 7, 8, *rng.integers(1, 21, size=5)]))
    other = int(rng.choice([small, small, *rng.integers(1, 21, size=2)]))
    kind = rng.choice(["image", "sequence", "row", "vector"], p=[0.76, 0.12, 0.05, 0.07])
    if kind == "sequence":
        height, width = int(rng.integers(1, 41)), 1
    elif kind == "row":
        height, width = 1, int(rng.integers(1, 41))
    else:
        height, width = (small, min(other, max(1, largest // small))) if kind == "image" else (1, 1)
    most = max(1, min(24, largest // (height * width)))
    return min(most, int(rng.choice([1, 2, 3, 3, 4, 8, 16, *rng.integers(1, 25, size=5)]))), height, width


def _user_shape(rng: np.random.Generator, shape: Shape) -> tuple[int, ...]:
    """One of the shapes that flatten to a tensor's."""
    channels, height, width = shape
    forms: list[tuple[int, ...]] = [shape, shape, (math.prod(shape),)]
    if channels == 1:
        forms.append((height, width))
    if width == 1:
        forms += [(channels, height) if height > 1 else (channels,)] * 4
    return forms[int(rng.integers(len(forms)))]


def _in_any_order(rng: np.random.Generator, layers: Sequence[QuantizedLayer]) -> list[QuantizedLayer]:
    """Another order in which every tensor is complete before it is read."""
    waiting, ordered = list(layers), []
    while waiting:
        unfinished = {layer.output for layer in waiting}
        ready = [layer for layer in waiting if layer.source not in unfinished and layer.residual not in unfinished]
        ordered.append(ready[int(rng.integers(len(ready)))])
        waiting.remove(ordered[-1])
    return ordered


def _odds(weights: dict[str, int]) -> list[float]:
    return [value / sum(weights.values()) for value in weights.values()]
