"""Hundreds of random networks on a handful of arrays: every output, every predicted cycle, with stalls and with resets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.sim.any_network import any_inputs, any_network
from tests.sim.chain import chain, linear, sizes_of
from tests.sim.packed import Packed, packed, require_exact

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork, accumulator_bound
from zeroskip.contracts.tensor import QuantizedTensor

FLAT = {
    "strips": False, "maximum": False, "residual": False, "slopes": False, "two_level": True, "across": False, "table_depth": 0, "reach": 1,
    "pixel_bits": 3, "tile_bits": 1, "band_depth": 7, "pass_depth": 7, "input_row_depth": 16,
}  # fmt: skip
DEPTHS = {
    "mask_depth": 12288, "weight_depth": 6000, "input_depth": 600, "hidden_depth": 1280, "output_depth": 600,
    "row_depth": 3600, "layer_depth": 6, "tap_depth": 3600, "channel_depth": 600,
}  # fmt: skip
"""For networks of up to six layers with up to 600 activations each. Few are powers of two."""

ROOM = FLAT | DEPTHS
STRIP_ROOM = DEPTHS | {
    "strips": True, "maximum": True, "residual": True, "slopes": True, "two_level": True, "across": True, "table_depth": 3, "reach": 2, "pixel_bits": 4,
    "tile_bits": 3, "band_depth": 7, "pass_depth": 23, "input_row_depth": 3, "copy_depth": 100,
}  # fmt: skip
"""The same on an array for images, which has all that images need, and takes a vector as an image of one pixel."""

ARRAYS = {
    "1x1": ArrayConfig(lanes=1, columns=1, load_elements=1, word=32, weight_bits=8, stream_bits=8, acc_bits=27, **ROOM),
    "2x3": ArrayConfig(
        lanes=2, columns=3, epilogues=2, load_elements=2, word=64, weight_bits=4, stream_bits=64, acc_bits=17, **ROOM
    ),
    "3x2": ArrayConfig(lanes=3, columns=2, load_elements=2, word=8, weight_bits=4, stream_bits=16, acc_bits=22, **ROOM),
    "4x5": ArrayConfig(
        lanes=4, columns=5, epilogues=4, load_elements=4, word=16, weight_bits=16, stream_bits=32, acc_bits=40, **ROOM
    ),
    "4x16": ArrayConfig(
        lanes=4,
        columns=16,
        load_elements=1,
        block_queue=True,
        word=32,
        weight_bits=8,
        stream_bits=8,
        acc_bits=35,
        **ROOM,
    ),
    "16x1": ArrayConfig(
        lanes=16, columns=1, epilogues=2, load_elements=8, word=64, weight_bits=8, stream_bits=64, acc_bits=34, **ROOM
    ),
    "64x1": ArrayConfig(
        lanes=64, columns=1, epilogues=4, load_elements=4, word=8, weight_bits=8, stream_bits=32, acc_bits=26, **ROOM
    ),
    "3x4 strips": ArrayConfig(
        lanes=3, columns=4, load_elements=1, word=16, weight_bits=8, stream_bits=16, acc_bits=28, **STRIP_ROOM
    ),
}
"""By lanes x columns. 17, 34 and 35 accumulator bits are where the requantizer's multiplier takes another limb."""

SMALL_ROOM = FLAT | {
    "mask_depth": 400, "weight_depth": 700, "input_depth": 40, "hidden_depth": 80, "output_depth": 33, "row_depth": 100,
    "layer_depth": 3, "tap_depth": 120, "channel_depth": 40,
}  # fmt: skip
SMALL_ARRAYS = {
    "1x2": ArrayConfig(
        lanes=1, columns=2, load_elements=1, word=8, weight_bits=16, stream_bits=32, acc_bits=36, **SMALL_ROOM
    ),
    "5x1": ArrayConfig(
        lanes=5,
        columns=1,
        epilogues=2,
        load_elements=2,
        word=16,
        weight_bits=8,
        stream_bits=16,
        acc_bits=24,
        **SMALL_ROOM,
    ),
}

QUICK = "2x3"
"""Small enough for every round."""

CHUNK = 5
CHUNKS = 9


def drawn_inputs(
    network: QuantizedNetwork, config: ArrayConfig, rng: np.random.Generator, folder: Path, where: str
) -> tuple[Packed, np.random.Generator, str]:
    it = packed(network, config, any_inputs(rng, network, int(rng.integers(1, 7 * config.columns))), folder)
    return it, rng, f"{where}, sizes {sizes_of(network)}"


def drawn(array: str, seed: int) -> tuple[np.random.Generator, QuantizedNetwork]:
    rng = np.random.default_rng([list(ARRAYS).index(array), seed])
    return rng, any_network(rng, ARRAYS[array])


def check_each(array: str, seeds: range, folder: Path) -> None:
    cases = []
    for seed in seeds:
        rng, network = drawn(array, seed)
        cases.append(drawn_inputs(network, ARRAYS[array], rng, folder / str(seed), f"array {array}, network {seed}"))
    require_exact(cases, "verilator")


# In one piece: while this model compiles, for minutes, another worker has the rest to do and need not wait for it.
@pytest.mark.long
@pytest.mark.verilator
def test_any_network_on_64_lanes(tmp_path: Path) -> None:
    check_each("64x1", range(CHUNK * CHUNKS), tmp_path)


@pytest.mark.verilator
@pytest.mark.parametrize(
    "array",
    [array if array == QUICK else pytest.param(array, marks=pytest.mark.slow) for array in ARRAYS if array != "64x1"],
)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_any_network_under_verilator(chunk: int, array: str, tmp_path: Path) -> None:
    check_each(array, range(CHUNK * chunk, CHUNK * (chunk + 1)), tmp_path)


def test_the_networks_reach_the_corners() -> None:
    networks = {(array, seed): drawn(array, seed)[1] for array in ARRAYS for seed in range(CHUNK * CHUNKS)}
    assert len(networks) >= 300
    assert all(network.flat for network in networks.values())
    layers = [(ARRAYS[array], layer) for (array, _), network in networks.items() for layer in network.layers]
    reads = [network.formats[layer.source] for network in networks.values() for layer in network.layers]
    writes = [network.formats[layer.output] for network in networks.values() for layer in network.layers]
    sizes = {size for network in networks.values() for size in sizes_of(network)}
    assert {1, 600} <= sizes
    assert {len(network.layers) for network in networks.values()} == {1, 2, 3, 4, 5, 6}
    kept = [np.count_nonzero(layer.weight, axis=(1, 2, 3)) for _, layer in layers]
    corners = {
        "a layer without weights": sum(not rows.any() for rows in kept),
        "a single weight": sum(rows.sum() == 1 for rows in kept),
        "empty rows among others": sum(rows.any() and not rows.all() for rows in kept),
        "one full row and nothing else": sum((rows > 0).sum() == 1 and rows.max() > 8 for rows in kept),
        "unread columns": sum(not layer.weight.any(axis=0).all() for _, layer in layers),
        "full masks": sum(layer.weight.all() for _, layer in layers),
        "signed activations": sum(format.signed for format in reads),
        "unsigned activations": sum(not format.signed for format in reads),
        "a zero-point at the end": sum(abs(format.zero_point) >= 127 for format in writes),
    }
    for bits in (4, 8, 16):
        for end in (-(1 << (bits - 1)), (1 << (bits - 1)) - 1):
            corners[f"weight {end} of {bits} bits"] = sum(
                (layer.weight == end).any() for config, layer in layers if config.weight_bits == bits
            )
    corners |= {f"shift {shift}": sum((layer.shift == shift).any() for _, layer in layers) for shift in (1, 63)}
    corners |= {f"multiplier {m}": sum((layer.multiplier == m).any() for _, layer in layers) for m in (0, 65535)}
    corners["the whole accumulator"] = sum(
        accumulator_bound(layer.weight, layer.bias, format).max() == (1 << (config.acc_bits - 1)) - 1
        for (config, layer), format in zip(layers, reads, strict=True)
    )
    assert not [name for name, count in corners.items() if count < 5], corners


@pytest.mark.icarus
@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("array", SMALL_ARRAYS)
def test_any_small_network_under_icarus(array: str, chunk: int, tmp_path: Path) -> None:
    config, cases = SMALL_ARRAYS[array], []
    for seed in range(CHUNK * chunk, CHUNK * (chunk + 1)):
        rng = np.random.default_rng([100 + list(SMALL_ARRAYS).index(array), seed])
        network = any_network(rng, config, largest=33, deepest=3)
        cases.append(drawn_inputs(network, config, rng, tmp_path / str(seed), f"array {array}, network {seed}"))
    require_exact(cases, "icarus")


@pytest.mark.slow
@pytest.mark.verilator
def test_a_layer_of_5000_inputs_and_160000_weights(tmp_path: Path) -> None:
    rng = np.random.default_rng(5000)
    inputs, outputs = 5000, 64
    weight = rng.integers(-128, 128, size=(outputs, inputs)) * (rng.random((outputs, inputs)) < 0.5)
    bytes_in = QuantizedTensor(scale=1.0, zero_point=0, signed=False)
    bytes_out = replace(bytes_in, zero_point=-5, signed=True)
    layer = linear(
        "fc", weight, bytes_out, bias=rng.integers(-100000, 100000, size=outputs),
        multiplier=rng.integers(32768, 65536, size=outputs), shift=np.full(outputs, 29),
    )  # fmt: skip
    network = chain([layer], [bytes_in, bytes_out], 8)
    assert np.count_nonzero(weight) > 150_000
    require_exact(
        [drawn_inputs(network, ArrayConfig(lanes=8, stream_bits=64), rng, tmp_path, "5000 inputs")], "verilator"
    )
