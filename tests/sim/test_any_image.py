"""Hundreds of random image networks on a handful of arrays: every output, every predicted cycle, with stalls and with resets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from tests.sim.any_image_network import any_image_network, describe, image_inputs, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import CASES, case
from tests.sim.packed import Packed, packed, require_exact

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork, accumulator_bits
from zeroskip.schedule import predict, schedule

EVERYTHING = {
    "strips": True,
    "maximum": True,
    "residual": True,
    "slopes": True,
    "two_level": True,
    "across": True,
    "table_depth": 5,
}
ROOM = EVERYTHING | {
    "mask_depth": 3000, "weight_depth": 9000, "input_depth": 6000, "hidden_depth": 7000, "output_depth": 1800, "row_depth": 200,
    "layer_depth": 12, "band_depth": 250, "pass_depth": 900, "input_row_depth": 45, "channel_depth": 200, "tap_depth": 3000,
    "copy_depth": 5000, "pixel_bits": 8, "tile_bits": 11,
}  # fmt: skip
"""For networks of up to seven layers, and the copies these need, with up to 1500 activations in a tensor. None is a power of two."""

ARRAYS = {
    "1x1": ArrayConfig(
        lanes=1, columns=1, reach=1, load_elements=1, word=32, weight_bits=8, stream_bits=8, acc_bits=27, **ROOM
    ),
    "2x4": ArrayConfig(
        lanes=2,
        columns=4,
        epilogues=2,
        reach=4,
        load_elements=2,
        word=16,
        weight_bits=8,
        stream_bits=32,
        acc_bits=40,
        **ROOM,
    ),
    "3x5": ArrayConfig(
        lanes=3,
        columns=5,
        reach=5,
        load_elements=8,
        block_queue=True,
        word=8,
        weight_bits=4,
        stream_bits=64,
        acc_bits=17,
        **ROOM,
    ),
    "8x2": ArrayConfig(
        lanes=8,
        columns=2,
        epilogues=4,
        reach=2,
        load_elements=1,
        word=16,
        weight_bits=4,
        stream_bits=8,
        acc_bits=18,
        **ROOM,
    ),
    "4x8": ArrayConfig(
        lanes=4,
        columns=8,
        epilogues=2,
        reach=8,
        load_elements=2,
        word=64,
        weight_bits=16,
        stream_bits=16,
        acc_bits=34,
        **ROOM,
    ),
    "2x16": ArrayConfig(
        lanes=2, columns=16, reach=16, load_elements=4, word=32, weight_bits=16, stream_bits=64, acc_bits=35, **ROOM
    ),
}
"""By lanes x columns. 17, 18, 34 and 35 accumulator bits are where the requantizer's multiplier takes another limb."""

SHARED = ARRAYS["2x4"]
"""Of the widest accumulator, for networks that are not drawn for an array."""

SMALL_ROOM = {
    "mask_depth": 400, "weight_depth": 300, "input_depth": 500, "hidden_depth": 700, "output_depth": 100, "row_depth": 60,
    "layer_depth": 5, "band_depth": 40, "pass_depth": 300, "input_row_depth": 42, "channel_depth": 60, "tap_depth": 300,
    "copy_depth": 700, "pixel_bits": 7, "tile_bits": 8, "reach": 3, "load_elements": 2,
}  # fmt: skip
SMALL = ArrayConfig(lanes=2, columns=3, word=8, weight_bits=8, stream_bits=16, acc_bits=30, **EVERYTHING | SMALL_ROOM)
NOTHING = replace(SMALL, maximum=False, residual=False, slopes=False, two_level=False, across=False, table_depth=0)
PLAINER = {
    "nothing": NOTHING, "maximum": replace(NOTHING, maximum=True), "residual": replace(NOTHING, residual=True),
    "slopes": replace(NOTHING, slopes=True), "tables": replace(NOTHING, table_depth=1),
}  # fmt: skip
"""By what the array can do besides."""

CHUNK = 6
CHUNKS = 5


def drawn_inputs(
    network: QuantizedNetwork, config: ArrayConfig, rng: np.random.Generator, folder: Path, where: str
) -> tuple[Packed, np.random.Generator, str]:
    it = packed(network, config, image_inputs(rng, network, int(rng.integers(1, 8))), folder)
    assert it.program.config == config, where
    return it, rng, f"{where}: {describe(network)}"


# --- drawn for an array -----------------------------------------------------------------------------------------------


def drawn(array: str, seed: int) -> tuple[np.random.Generator, QuantizedNetwork]:
    config = ARRAYS[array]
    rng = np.random.default_rng([list(ARRAYS).index(array), seed])
    return rng, any_image_network(rng, weight_bits=config.weight_bits, acc_bits=config.acc_bits)


@pytest.mark.slow
@pytest.mark.verilator
@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_any_image_under_verilator(chunk: int, array: str, tmp_path: Path) -> None:
    cases = []
    for seed in range(CHUNK * chunk, CHUNK * (chunk + 1)):
        rng, network = drawn(array, seed)
        cases.append(drawn_inputs(network, ARRAYS[array], rng, tmp_path / str(seed), f"array {array}, network {seed}"))
    require_exact(cases, "verilator")


def test_the_networks_reach_the_corners() -> None:
    """Of how networks lie on arrays; test_image_coverage.py counts what networks hold."""
    found = Counter[str]()
    networks = 0
    for array, config in ARRAYS.items():
        for seed in range(CHUNK * CHUNKS):
            _, network = drawn(array, seed)
            plan = schedule(network, config)
            whole, tensors, layers = plan.network, plan.plan.tensors, plan.plan.layers
            networks += 1
            found["copies"] += whole is not network
            found["several tables"] += len(plan.tables) > 1
            found["the input is released by the last of several layers"] += (
                len(layers) > 1 and whole.layers[-1].source == INPUT
            )
            found["bound by the input"] += predict(plan).interval < 1.1 * plan.inputs
            found["channels of the input in several lanes"] += bool(
                (tensors[INPUT].hosting.lanes.sum(axis=1) > 1).any()
            )
            for placed, layer, encodings in zip(layers, whole.layers, plan.encodings, strict=True):
                height, rows = whole.shapes[layer.output][1], len(placed.writes)
                found["strips of one row"] += rows == 1 < height
                found["strips of several rows"] += 1 < rows < height
                found["a last strip that is not full"] += placed.edge < placed.strip
                found["columns without a row"] += 1 < placed.columns < config.columns
                found["a single tile"] += placed.tiles == 1
                found["a hundred tiles"] += placed.tiles >= 100
                found["strips of another height are written"] += any(len(writes) > 1 for writes in placed.writes)
                found["neighbours"] += placed.reach == 1
                found["far neighbours"] += placed.reach > 1
                found["a window across the columns"] += placed.across
                found["rows in groups"] += placed.group_step > 0
                found["several mask words"] += encodings[0].words > 1
                for form in ("dense", "two-level"):
                    found[f"a {form} mask"] += any(one.form == form for one in encodings)
                found["lanes without weights"] += any(not len(share.rows) for share in placed.shares)
                found["several rows in a turn"] += any(
                    bundle.apart and len(bundle.rows) > 1 for bundle in placed.bundles
                )
                found["several turns in a bundle"] += any(bundle.turns > 1 for bundle in placed.bundles)
                found["the whole accumulator"] += (
                    not layer.maximum
                    and accumulator_bits(layer.weight, layer.bias, whole.formats[layer.source]) == config.acc_bits
                )
    assert networks >= 150
    assert not [name for name, count in found.items() if count < 5], found


def small_networks(config: ArrayConfig, seed: int) -> list[QuantizedNetwork]:
    """Two that use all that the array can do, and nothing else."""
    found = (
        any_image_network(
            np.random.default_rng([seed, i]), largest=60, deepest=3, work=1500, weight_bits=8, acc_bits=30
        )
        for i in count()
    )
    wanted = (config.maximum, config.residual, config.slopes, bool(config.table_depth))

    def used(network: QuantizedNetwork) -> tuple[bool, ...]:
        layers = network.layers
        return (
            any(layer.maximum for layer in layers), any(layer.residual is not None for layer in layers),
            any(layer.slope is not None for layer in layers), any(layer.table is not None for layer in layers),
        )  # fmt: skip

    return list(islice((network for network in found if used(network) == wanted), 2))


@pytest.mark.icarus
@pytest.mark.parametrize("array", [*PLAINER, "everything"])
def test_arrays_of_few_features_under_icarus(array: str, tmp_path: Path) -> None:
    config = PLAINER.get(array, SMALL)
    require_exact(
        (
            drawn_inputs(
                network,
                config,
                np.random.default_rng([51, number]),
                tmp_path / str(number),
                f"array with {array}, network {number}",
            )
            for number, network in enumerate(small_networks(config, 50))
        ),
        "icarus",
    )


# --- given ------------------------------------------------------------------------------------------------------------


@pytest.mark.verilator
@pytest.mark.parametrize("chunk", range(2))
def test_named_cases(chunk: int, tmp_path: Path) -> None:
    require_exact(
        (
            drawn_inputs(
                case(name), SHARED, np.random.default_rng(list(CASES).index(name)), tmp_path / str(number), name
            )
            for number, name in enumerate(CASES[chunk::2])
        ),
        "verilator",
    )


@pytest.mark.slow
@pytest.mark.verilator
def test_any_network_hypothesis_finds(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")

    @settings(max_examples=15)
    @given(image_networks(weight_bits=SHARED.weight_bits))
    def finds(network: QuantizedNetwork) -> None:
        it = drawn_inputs(network, SHARED, np.random.default_rng(1), folder, "drawn by Hypothesis")
        require_exact([it], "verilator")

    finds()


@pytest.mark.slow
@pytest.mark.verilator
@pytest.mark.parametrize("seed", range(3))
def test_fully_connected_chains_in_strips(seed: int, tmp_path: Path) -> None:
    """All but the first column stand idle."""
    rng = np.random.default_rng([60, seed])
    builder = Builder(rng)
    tensor = builder.input((int(rng.integers(1, 120)), 1, 1))
    for _ in range(seed + 1):
        tensor = builder.conv(tensor, int(rng.integers(1, 60)))
    network = builder.network(tensor)
    assert network.flat
    require_exact([drawn_inputs(network, SHARED, rng, tmp_path, f"seed {seed}")], "verilator")


def with_all_weights(rng: np.random.Generator) -> QuantizedNetwork:
    """Convolutions, one of them depthwise, a sum, a maximum and a fully connected layer."""
    builder = Builder(rng)
    image = builder.input((3, 9, 8))
    x = builder.conv(image, 6, Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)), pattern="full")
    y = builder.conv(x, 6, Window(kernel=(3, 3), padding=(1, 1, 1, 1)), groups=6, pattern="full")
    y = builder.conv(y, 6, residual=x, pattern="full")
    y = builder.maximum(y, Window(kernel=(2, 2), stride=(2, 2)), identity=True)
    return builder.network(builder.conv(y, 10, Window(kernel=(2, 2)), pattern="full"))


def pruned(rng: np.random.Generator, network: QuantizedNetwork, share: float) -> QuantizedNetwork:
    """Without a share of the weights of each layer but the maximum."""
    layers = (
        layer if layer.maximum else replace(layer, weight=layer.weight * (rng.random(layer.weight.shape) >= share))
        for layer in network.layers
    )
    return replace(network, layers=tuple(layers))


@pytest.mark.slow
@pytest.mark.icarus
def test_newly_pruned_weights_run_faster_on_the_same_array(tmp_path: Path) -> None:
    rng = np.random.default_rng(70)
    dense = with_all_weights(rng)
    config = schedule(dense, ArrayConfig(lanes=2, columns=3, word=8, stream_bits=16, mask_depth=150)).config
    before, cases = None, []
    for share in (0.0, 0.5, 0.9):
        network = pruned(rng, dense, share)
        cycles = sum(predict(schedule(network, config)).layers.values())
        assert before is None or cycles < 0.8 * before, f"{share} pruned"
        before = cycles
        cases.append(drawn_inputs(network, config, rng, tmp_path / str(share), f"{share} pruned"))
    require_exact(cases, "icarus")
