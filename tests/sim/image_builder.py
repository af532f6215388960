"""Builds integer networks layer by layer: structure is given, numbers are drawn and fitted to what really flows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from tests.sim import image_model
from tests.sim.image_numbers import any_clamp, any_format, any_mask, any_requantization, any_weights, largest

from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.network import ACC_BITS_LIMIT, IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

SAMPLES = 6
"""Samples that flow along while a network is built."""

POINT = Window()

ACROSS = 16
"""How much more a window of the whole image may sum up across the columns, of which the last may have padding only."""


class Builder:
    """Layers are added in order, each to tensors that are complete.

    weight_bits, acc_bits : of every layer
    strange : the share of output channels that get extreme biases, multipliers and shifts; above 0 also narrow clamps
    """

    def __init__(
        self, rng: np.random.Generator, *, weight_bits: int = 8, acc_bits: int = ACC_BITS_LIMIT, strange: float = 0.0
    ) -> None:
        self.rng, self.weight_bits, self.acc_bits, self.strange = rng, weight_bits, acc_bits, strange
        self.shapes: dict[str, Shape] = {}
        self.formats: dict[str, QuantizedTensor] = {}
        self.layers: list[QuantizedLayer] = []
        self._values: dict[str, IntArray] = {}

    def input(self, shape: Shape, format: QuantizedTensor | None = None) -> str:
        self.shapes[INPUT] = shape
        given = self.formats[INPUT] = format or any_format(self.rng)
        self._values[INPUT] = self.rng.integers(given.low, given.high + 1, size=(SAMPLES, *shape))
        return INPUT

    def tensor(self, shape: Shape, format: QuantizedTensor | None = None) -> str:
        """A tensor that several layers are going to write."""
        name = f"t{len(self.shapes)}"
        self.shapes[name], self.formats[name] = shape, format or any_format(self.rng)
        return name

    def conv(
        self, source: str, outputs: int, window: Window = POINT, *, groups: int = 1, pattern: str | None = None,
        weight: IntArray | None = None, weights: str | None = None, kept: float = 1.0, **rest: Any,
    ) -> str:  # fmt: skip
        """Weights are given, or drawn by ``pattern`` and kind ``weights``, and thinned to a share ``kept``; ``rest`` as for :meth:`add`."""
        if weight is None:
            mask = any_mask(self.rng, (outputs, self.shapes[source][0] // groups, *window.kernel), pattern)
            if kept < 1.0:
                mask &= self.rng.random(mask.shape) < kept
            weight = any_weights(self.rng, self.weight_bits, self.acc_bits, mask, self.formats[source], weights)
        return self.add(source, weight, window, groups, **rest)

    def average(self, source: str, window: Window, **rest: Any) -> str:
        """A sum over each window, per channel."""
        return self.depthwise_ones(source, window, **rest)

    def maximum(self, source: str, window: Window, **rest: Any) -> str:
        return self.depthwise_ones(source, window, maximum=True, **rest)

    def depthwise_ones(self, source: str, window: Window, **rest: Any) -> str:
        channels = self.shapes[source][0]
        weight = np.ones((channels, 1, *window.kernel), dtype=np.int64)
        return self.add(source, weight, window, channels, **rest)

    def copy(self, source: str, chosen: list[int | None], window: Window = POINT, **rest: Any) -> str:
        """Output channel k is input channel chosen[k], or without weights."""
        weight = np.zeros((len(chosen), self.shapes[source][0], 1, 1), dtype=np.int64)
        for row, channel in enumerate(chosen):
            if channel is not None:
                weight[row, channel] = 1
        return self.add(source, weight, window, **rest)

    def fits(self, source: str, taps: int) -> bool:
        """Whether a sum of so many values stays within the accumulator, across the columns too."""
        return ACROSS * taps * largest(self.formats[source]) < 1 << (self.acc_bits - 1)

    def add(
        self, source: str, weight: IntArray, window: Window = POINT, groups: int = 1, *, maximum: bool = False,
        residual: str | None = None, residual_multiplier: int | None = None, slopes: bool = False, table: bool = False,
        clamp: tuple[int, int] | None = None, identity: bool = False, output: str | None = None, channel: int = 0,
        format: QuantizedTensor | None = None,
    ) -> str:  # fmt: skip
        """One layer; returns the tensor it writes, a new one unless ``output`` names one.

        identity : the stored integers pass unchanged, and the tensor written has the format of the one read
        clamp : drawn where it is None; format : of a new tensor, drawn where it is None
        """
        outputs = len(weight)
        if identity:
            format = self.formats[source]
        if output is None:
            output = self.tensor((outputs, *window.output(*self.shapes[source][1:])), format)
        target = self.formats[output]
        before = any_format(self.rng) if table else target  # what the requantization gives
        low, high = clamp or (
            (target.low, target.high) if identity else any_clamp(self.rng, before, parts=self.strange > 0)
        )
        if residual is not None and residual_multiplier is None:
            residual_multiplier = self._residual_multiplier(low, high, residual)
        layer = QuantizedLayer(
            name=f"l{len(self.layers)}", source=source, output=output, channel=channel, maximum=maximum, weight=weight,
            weight_scale=np.ones(outputs), bias=np.zeros(outputs, dtype=np.int64), window=window, groups=groups,
            multiplier=np.full(outputs, 32768), slope=None, shift=np.full(outputs, 15), residual=residual,
            residual_multiplier=residual_multiplier or 0, zero_point=0, low=low, high=high,
            table=self.rng.integers(target.low, target.high + 1, size=256) if table else None,
        )  # fmt: skip
        if not identity:
            layer = self._fitted(layer, None if maximum else before.zero_point, slopes)
        elif not maximum:  # what has no weight becomes a real zero
            kept = weight.reshape(outputs, -1).any(axis=1)
            layer = replace(layer, bias=np.where(kept, -before.zero_point, 0), zero_point=before.zero_point)
        self.layers.append(layer)
        image_model.write(
            self._values, layer, self.shapes[output], image_model.compute(layer, self._values, self.formats)
        )
        return output

    def _fitted(self, layer: QuantizedLayer, zero_point: int | None, slopes: bool) -> QuantizedLayer:
        added = None
        if layer.residual is not None:
            added = image_model.residual_part(layer, self._values[layer.residual], self.formats[layer.residual])
        reach = np.abs(layer.weight).reshape(layer.outputs, -1).sum(axis=1) * largest(self.formats[layer.source])
        whole = layer.window.kernel == self.shapes[layer.source][1:]
        if whole and layer.groups == layer.outputs and (layer.weight == layer.weight[:, :, :1, :1]).all():
            reach = np.minimum(reach * ACROSS, (1 << (self.acc_bits - 1)) - 1)
        room = (1 << (self.acc_bits - 1)) - 1 - reach
        numbers = any_requantization(
            self.rng, image_model.accumulate(layer, self._values[layer.source], self.formats[layer.source]), added,
            room=0 * room if layer.maximum else room, zero_point=zero_point, low=layer.low, high=layer.high, slopes=slopes,
            strange=self.strange,
        )  # fmt: skip
        return replace(layer, **vars(numbers))

    def _residual_multiplier(self, low: int, high: int, residual: str) -> int:
        """Usually such that the residual moves the result over part of its range."""
        if self.rng.random() < 2 * self.strange:
            return int(self.rng.choice([0, 0, 0, 1, 65535, 65535, 65535, *self.rng.integers(65536, size=2)]))
        spread = max(1, int(np.ptp(self._values[residual])))
        return int(np.clip(4096 * self.rng.uniform(0.2, 0.8) * (high - low + 1) / spread, 1, 65535))

    def network(
        self, output: str, *, layers: list[QuantizedLayer] | None = None, input_shape: tuple[int, ...] | None = None,
        output_shape: tuple[int, ...] | None = None,
    ) -> QuantizedNetwork:  # fmt: skip
        """What was built; ``layers`` gives them another order, the shapes are those of the user's samples."""
        return QuantizedNetwork(
            input_shape=input_shape or self.shapes[INPUT], output_shape=output_shape or self.shapes[output],
            weight_bits=self.weight_bits, shapes=dict(self.shapes), formats=dict(self.formats),
            layers=tuple(layers or self.layers), output_name=output,
        )  # fmt: skip
