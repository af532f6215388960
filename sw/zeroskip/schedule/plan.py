"""Lowered layers → a plan for one array: who works on which weights, where activations lie, and how large each memory must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zeroskip.spec.config import CAPACITIES, LARGEST_DEPTH, MOST_LAYERS, ArrayConfig
from zeroskip.spec.errors import CapacityError
from zeroskip.spec.layout import Layout
from zeroskip.spec.network import ACC_BITS_LIMIT, QuantizedNetwork, accumulator_bits

from .lower import LoweredLayer, lower
from .split import LaneRun, split


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPlan:
    """One layer on the array.

    runs : one per lane
    first_group : mask-word number of activation 0 in the buffer the layer reads
    groups : mask words of one row
    first_row : number of its first row, counted over all layers
    store : address of its first result in the buffer it writes
    """

    layer: LoweredLayer
    runs: tuple[LaneRun, ...]
    first_group: int
    groups: int
    first_row: int
    store: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A network on one array of sized configuration.

    inputs, outputs : activations of one sample, as streamed
    """

    config: ArrayConfig
    layers: tuple[LayerPlan, ...]
    inputs: int
    outputs: int


def schedule(network: QuantizedNetwork, config: ArrayConfig) -> Schedule:
    """Place ``network`` on the array; capacities that ``config`` leaves open are sized to it.

    Raises CapacityError, naming the option and both figures, where a capacity that is given is too small.
    """
    inputs = int(np.prod(network.input_shape))
    outputs = int(np.prod(network.output_shape))
    lowered = lower(network, config.stream_elements)

    stores, hidden = _place(lowered, config.word)
    plans, first_row = [], 0
    for i, layer in enumerate(lowered):
        source = 0 if i == 0 else stores[i - 1] // config.word
        plans.append(
            LayerPlan(
                layer=layer, runs=split(layer.mask, config.lanes, config.word),
                first_group=source, groups=-(-layer.mask.shape[1] // config.word),
                first_row=first_row, store=stores[i],
            )
        )  # fmt: skip
        first_row += len(layer.rows)

    widths = (accumulator_bits(layer.weight, layer.bias, layer.input) for layer in lowered)
    needs = {
        "weight_depth": max(sum(p.runs[lane].end - p.runs[lane].begin for p in plans) for lane in range(config.lanes)),
        "input_depth": inputs, "hidden_depth": hidden, "output_depth": outputs,
        "row_depth": first_row, "layer_depth": len(plans), "acc_bits": max(8, *widths),
    }  # fmt: skip
    needs["weight_depth"] = max(1, needs["weight_depth"])
    words = max(sum(len(p.runs[lane].word_counts) for p in plans) for lane in range(config.lanes))
    _require_possible(needs | {"mask_depth": words + len(plans)})
    needs["mask_depth"] = _with_headers(config.with_sizes(**needs), words, len(plans))
    _require_possible(needs)
    sized = config.with_sizes(**needs)
    _require_capacity(sized, needs, network.weight_bits)
    return Schedule(config=sized, layers=tuple(plans), inputs=inputs, outputs=outputs)


def _place(layers: tuple[LoweredLayer, ...], word: int) -> tuple[list[int], int]:
    """Hidden activations alternate between two regions, so that a layer never overwrites what it reads; the last goes to the output."""
    sizes = [-(-len(layer.rows) // word) * word for layer in layers[:-1]]
    even, odd = max(sizes[0::2], default=0), max(sizes[1::2], default=0)
    stores = [0 if i % 2 == 0 else even for i in range(len(sizes))]
    return [*stores, 0], max(even + odd, word)


def _with_headers(config: ArrayConfig, words: int, layers: int) -> int:
    """Header size depends on the depth that it helps to fill; a few steps reach the fixed point."""
    depth = words + layers
    while True:
        needed = words + layers * Layout(config.with_sizes(mask_depth=depth)).header_words
        if needed <= depth:
            return depth
        depth = needed


def _require_possible(needs: dict[str, int]) -> None:
    """No array, whatever its configuration, holds more than these."""
    for name, need in needs.items():
        most = {"acc_bits": ACC_BITS_LIMIT, "layer_depth": MOST_LAYERS}.get(name, LARGEST_DEPTH)
        if need > most:
            raise CapacityError(f"ArrayConfig.{name} can be at most {most}, but this network needs {need}")


def _require_capacity(config: ArrayConfig, needs: dict[str, int], weight_bits: int) -> None:
    for name in ("acc_bits", *CAPACITIES):
        have = getattr(config, name)
        if have < needs[name]:
            raise CapacityError(f"ArrayConfig.{name} must be at least {needs[name]} for this network, not {have}")
    if config.weight_bits != weight_bits:
        raise CapacityError(
            f"ArrayConfig.weight_bits is {config.weight_bits}, but the network has {weight_bits}-bit weights"
        )
