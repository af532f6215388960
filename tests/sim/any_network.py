"""Fully connected integer networks of every shape that one array can hold: any sizes and mask, values at the ends of their ranges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from tests.sim.chain import chain, linear

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

Mask = npt.NDArray[np.bool_]

PATTERNS = {
    "even": 24, "uneven": 10, "empty_rows": 8, "empty_columns": 8, "one_dense_row": 4, "last_columns": 4, "full": 4,
    "diagonal": 2, "single": 1, "nothing": 2,
}  # fmt: skip
"""Masks, by how often they are drawn."""


def any_network(
    rng: np.random.Generator, config: ArrayConfig, *, largest: int = 600, deepest: int = 6
) -> QuantizedNetwork:
    """A network that fits ``config``, whose capacities are all given; every choice is drawn from ``rng``.

    largest, deepest : at most so many activations in a layer, and so many layers
    """
    sizes = _sizes(rng, config, largest, deepest)
    masks = _masks(rng, config, sizes)
    layers: list[QuantizedLayer] = []
    formats, source = [_format(rng)], INPUT
    for number, mask in enumerate(masks):
        layer, output = _layer(rng, config, f"fc{number}", mask, source, formats[-1])
        layers.append(layer)
        formats.append(output)
        source = layer.output
    return chain(layers, formats, config.weight_bits)


def any_inputs(rng: np.random.Generator, network: QuantizedNetwork, samples: int) -> IntArray:
    """(samples, inputs): the whole range, only its ends, or one value throughout, each sample as it falls."""
    low, high, inputs = network.input.low, network.input.high, network.input_shape[0]
    x = rng.integers(low, high + 1, size=(samples, inputs))
    ends = rng.choice([low, high], size=(samples, inputs))
    same = np.broadcast_to(rng.choice([low, high, network.input.zero_point], size=(samples, 1)), x.shape)
    kind = rng.integers(5, size=(samples, 1))
    return np.asarray(np.where(kind == 0, ends, np.where(kind == 1, same, x)), dtype=np.int64)


# --- shapes and masks -------------------------------------------------------------------------------------------------


def _sizes(rng: np.random.Generator, config: ArrayConfig, largest: int, deepest: int) -> list[int]:
    """Sizes whose masks fit the mask memory of one lane, which may have to walk through nearly all of them."""
    word, elements = config.word, config.stream_elements
    layers = int(rng.integers(1, min(deepest, config.layer_depth) + 1))
    sizes = []
    for _ in range(layers + 1):
        near = int(rng.choice([word, elements, 16])) * int(rng.integers(1, 5)) + int(rng.integers(-1, 2))
        log_uniform = round(float(np.exp(rng.uniform(0, np.log(largest)))))
        size = rng.choice([near, log_uniform, log_uniform, int(rng.integers(1, largest + 1)), largest, 1], p=_SIZE_ODDS)
        sizes.append(int(np.clip(size, 1, largest)))
    room = config.mask_depth - layers * Layout(config).header_words
    while sum(outputs * -(-inputs // word) for inputs, outputs in pairwise(sizes)) > room:
        biggest = int(np.argmax(sizes))
        sizes[biggest] = -(-sizes[biggest] * 3 // 4)
    return sizes


_SIZE_ODDS = [0.2, 0.2, 0.2, 0.25, 0.1, 0.05]


def _masks(rng: np.random.Generator, config: ArrayConfig, sizes: list[int]) -> list[Mask]:
    """Masks whose weights fit the lanes' weight memories, with room for one explicit zero per row that may not stay empty."""
    names, odds = list(PATTERNS), np.array(list(PATTERNS.values())) / sum(PATTERNS.values())
    masks = [_mask(rng, str(rng.choice(names, p=odds)), outputs, inputs) for inputs, outputs in pairwise(sizes)]
    zeros = sum(sizes[1:]) if config.strips else sizes[-1]
    room = (config.weight_depth - len(masks)) * config.lanes - zeros - len(masks)
    while (kept := sum(int(mask.sum()) for mask in masks)) > room:
        masks = [mask & (rng.random(mask.shape) < 0.9 * room / kept) for mask in masks]
    return masks


def _mask(rng: np.random.Generator, pattern: str, rows: int, columns: int) -> Mask:
    density = float(rng.choice([0.01, 0.1, 0.25, 0.5, 0.9, rng.random()]))
    mask = rng.random((rows, columns)) < density
    if pattern == "uneven":
        mask = rng.random((rows, columns)) < rng.beta(0.3, 1.5, size=(rows, 1))
    elif pattern == "empty_rows":
        mask[rng.random(rows) < rng.uniform(0.2, 0.95)] = False
    elif pattern == "empty_columns":
        mask[:, rng.random(columns) < rng.uniform(0.2, 0.95)] = False
    elif pattern == "one_dense_row":
        mask &= bool(rng.integers(2))
        mask[rng.integers(rows)] = True
    elif pattern == "last_columns":
        mask[:, : columns * 3 // 4] = False
    elif pattern == "diagonal":
        mask = np.eye(rows, columns, dtype=np.bool_)
    elif pattern == "full":
        mask[:] = True
    elif pattern in ("single", "nothing"):
        mask[:] = False
        mask[rng.integers(rows), rng.integers(columns)] = pattern == "single"
    return mask


# --- numbers ----------------------------------------------------------------------------------------------------------


def _format(rng: np.random.Generator) -> QuantizedTensor:
    signed = bool(rng.integers(2))
    zero_point = int(rng.choice([-128, 127, 0, int(rng.integers(-128, 128))])) if signed else 0
    return QuantizedTensor(scale=1.0, zero_point=zero_point, signed=signed)


def _layer(
    rng: np.random.Generator, config: ArrayConfig, name: str, mask: Mask, source: str, given: QuantizedTensor
) -> tuple[QuantizedLayer, QuantizedTensor]:
    """Values for ``mask``, and the output's format: weights and biases up to what the accumulator holds, requantization useful or extreme.

    source, given : the tensor that is read, and its format
    """
    outputs = len(mask)
    bound = (1 << (config.acc_bits - 1)) - 1
    weight, reach = _weights(rng, config.weight_bits, mask, max(-given.low, given.high), bound)
    spread = np.maximum(1, np.sqrt(np.square(weight * 74.0).sum(axis=1)))
    bias_at_most = {
        "any": bound - reach,
        "small": np.minimum(bound - reach, spread.astype(np.int64)),
        "none": 0 * reach,
    }
    most = bias_at_most[str(rng.choice(["any", "small", "small", "small", "none"]))]
    bias = rng.integers(-most, most + 1)
    if rng.random() < 0.2:
        bias = rng.choice([-1, 1], size=outputs) * (bound - reach)
    gain = rng.uniform(0.2, 3, size=outputs) * 60 / np.maximum(spread, np.abs(bias) / 2)
    shift = np.clip(15 - np.floor(np.log2(gain)).astype(np.int64), 1, 63)
    multiplier = np.clip(np.round(gain * 2.0**shift), 0, 65535).astype(np.int64)
    strange = rng.random(outputs) < rng.choice([0.0, 0.1, 1.0], p=[0.65, 0.3, 0.05])
    shift = np.where(strange, rng.choice([1, 2, 8, 9, 62, 63, *range(1, 64)], size=outputs), shift)
    multiplier = np.where(
        strange, rng.choice([0, 1, 32768, 65535, *rng.integers(65536, size=4)], size=outputs), multiplier
    )
    output = _format(rng)
    low, high = _clamp(rng, output)
    layer = linear(
        name, weight, output, bias=bias, multiplier=multiplier, shift=shift, low=low, high=high, source=source
    )
    return layer, output


def _weights(rng: np.random.Generator, bits: int, mask: Mask, largest: int, bound: int) -> tuple[IntArray, IntArray]:
    """Weights, and how far each row's sum may reach; what would reach beyond ``bound`` is pruned."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = {
        "range": rng.integers(low, high + 1, size=mask.shape), "ends": rng.choice([low, high], size=mask.shape),
        "lowest": np.full(mask.shape, low), "ones": rng.choice([-1, 1], size=mask.shape),
    }  # fmt: skip
    weight = values[str(rng.choice(list(values), p=[0.7, 0.15, 0.05, 0.1]))] * mask
    weight[np.abs(weight).cumsum(axis=1) * largest > bound] = 0
    return weight, np.abs(weight).sum(axis=1) * largest


def _clamp(rng: np.random.Generator, output: QuantizedTensor) -> tuple[int, int]:
    kind = rng.choice(["format", "relu", "some"], p=[0.5, 0.4, 0.1])
    if kind == "some":
        low, high = sorted(rng.integers(output.low, output.high + 1, size=2).tolist())
        return low, high
    return (output.zero_point if kind == "relu" else output.low), output.high
