"""What is estimated of an array before it is built, against what yosys maps."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.sim.image_cases import case
from tests.sim.networks import random_network
from tests.sw.synth.test_synthesise import needs_tools

import zeroskip as zs
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.synth import TARGETS, Area, Target, estimate, map_areas
from zeroskip.synth.estimate import multipliers, stores
from zeroskip_hw.verilog import generate

ECP5, ICE40, GOWIN = TARGETS["ecp5-85k"], TARGETS["ice40-up5k"], TARGETS["gowin-gw2ar-18"]


def mapped(design: zs.Design, folder: Path, target: Target) -> Area:
    """Of the whole design, by yosys alone."""
    design.save(folder / "design")
    return map_areas(folder / "design", target.name, keep=None)["zeroskip"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "lanes, columns, epilogues, kind, target",
    [
        (2, 3, 1, "strips", ECP5), (2, 2, 2, "strips", ECP5), (3, 1, 1, "samples", ECP5), (2, 4, 2, "samples", ECP5),
        (3, 1, 1, "samples", GOWIN),
    ],
)  # fmt: skip
def test_block_rams_and_multipliers_are_counted_and_the_rest_is_near(
    lanes: int, columns: int, epilogues: int, kind: str, target: Target, tmp_path: Path
) -> None:
    needs_tools()
    network: QuantizedNetwork = (
        case("residual_in_place")
        if kind == "strips"
        else random_network(np.random.default_rng(1), [300, 200, 40], 0.2, 8)
    )
    # Deep enough for several block RAMs side by side and behind one another.
    config = zs.ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues, hidden_depth=2500, mask_depth=1200)
    design = zs.assemble(network, config)
    found, guess = mapped(design, tmp_path, target), estimate(design.config, target)
    assert (guess.bram, guess.dsp) == (found.bram, found.dsp)
    assert guess.lut4 == pytest.approx(found.lut4, rel=0.2)
    assert guess.ff == pytest.approx(found.ff, rel=0.2)


def memories(text: str, module: str) -> Counter[tuple[int, int]]:
    """(width, depth) of every ``zs_ram`` in the module and all that are in it."""
    body = re.search(rf"^module {module} .*?^endmodule", text, re.MULTILINE | re.DOTALL)
    assert body, module
    found: Counter[tuple[int, int]] = Counter()
    for name, parameters in re.findall(r"^  (zs_\w+) (?:#\((.*)\) )?\w+ \($", body[0], re.MULTILINE):
        if name == "zs_ram":
            width, depth = (re.search(rf"\.{key}\(32'd(\d+)\)", parameters) for key in ("WIDTH", "DEPTH"))
            assert width
            assert depth
            found[int(width[1]), int(depth[1])] += 1
        elif name != "zs_multiplier":
            found += memories(text, name)
    return found


@pytest.mark.parametrize(
    "kind, config",
    [
        ("table_after_residual", zs.ArrayConfig(lanes=2, columns=3, epilogues=2, copy_depth=5000)),
        ("table_after_residual", zs.ArrayConfig(lanes=3, columns=2, strips=False, block_queue=True)),
        ("pointwise", zs.ArrayConfig(lanes=1, stream_bits=64)),
    ],
)
def test_every_memory_of_the_verilog_is_counted(kind: str, config: zs.ArrayConfig) -> None:
    design = zs.assemble(case(kind), config)
    counted: Counter[tuple[int, int]] = Counter()
    for store in stores(design.config):
        counted[store.width, store.depth] += store.count
    assert counted == memories(generate(design.config).files["zeroskip_core.v"], "zeroskip_core")


def test_queues_in_block_ram_take_no_look_up_tables() -> None:
    config = zs.assemble(case("pointwise"), zs.ArrayConfig(lanes=2, columns=4)).config
    in_luts, in_blocks = estimate(config, ECP5), estimate(replace(config, block_queue=True), ECP5)
    assert in_blocks.bram - in_luts.bram == config.lanes * -(-config.acc_bits * config.columns // 36)
    assert in_blocks.lut4 < in_luts.lut4


@pytest.mark.parametrize(
    "width, depth, blocks", [(29, 48, 0), (32, 48, 1), (8, 160, 0), (4, 352, 1), (40, 48, 0), (72, 48, 2)]
)
def test_small_memories_are_distributed_as_yosys_does_it(width: int, depth: int, blocks: int) -> None:
    """As measured on ``zs_ram`` alone, read in every cycle."""
    assert (ECP5.memories.small(width, depth) is None) == bool(blocks)
    assert not blocks or ECP5.memories.blocks(width, depth, 1) == blocks


def test_multipliers_by_kind() -> None:
    config = zs.assemble(case("residual_in_place"), zs.ArrayConfig(lanes=2, columns=3)).config
    assert multipliers(replace(config, acc_bits=17)) == 3 * (2 + 1 + 1)
    assert multipliers(replace(config, acc_bits=18)) == 3 * (2 + 2 + 1)
    assert multipliers(replace(config, acc_bits=40, residual=False)) == 3 * (2 + 3)
    assert multipliers(replace(config, acc_bits=18, epilogues=2)) == 3 * (2 + 2 * (2 + 1))


def test_a_part_without_multipliers_takes_logic_for_them() -> None:
    config = zs.assemble(case("pointwise"), zs.ArrayConfig(lanes=1, columns=1)).config
    with_dsp, without = estimate(config, ICE40), estimate(config, TARGETS["ice40-hx8k"])
    assert without.dsp == 0 < with_dsp.dsp
    assert without.lut4 > with_dsp.lut4
