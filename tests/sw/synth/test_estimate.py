"""What is estimated of an array before it is built, against what yosys maps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.sim.image_cases import case
from tests.sim.networks import random_network
from tests.sw.synth.test_synthesise import needs_tools

import zeroskip as zs
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.synth import TARGETS, Area, Target, estimate
from zeroskip.synth.estimate import multipliers, stores
from zeroskip.synth.flow import _map, _read

ECP5, ICE40, GOWIN = TARGETS["ecp5-85k"], TARGETS["ice40-up5k"], TARGETS["gowin-gw2ar-18"]


def mapped(design: zs.Design, folder: Path, target: Target) -> Area:
    """Of the whole design, by yosys alone."""
    design.save(folder / "design")
    work = folder / "work"
    work.mkdir()
    kept = _read(folder / "design", work, "zeroskip", None, None)
    return _map(target, "flat", kept, work, folder / "design").whole("zeroskip")


@pytest.mark.slow
@pytest.mark.parametrize(
    "lanes, columns, kind, target",
    [(2, 3, "strips", ECP5), (3, 1, "flat", ECP5), (2, 4, "flat", ECP5), (3, 1, "flat", GOWIN)],
)
def test_block_rams_and_multipliers_are_counted_and_the_rest_is_near(
    lanes: int, columns: int, kind: str, target: Target, tmp_path: Path
) -> None:
    needs_tools()
    network: QuantizedNetwork = (
        case("residual_in_place")
        if kind == "strips"
        else random_network(np.random.default_rng(1), [300, 200, 40], 0.2, 8)
    )
    # Deep enough for several block RAMs side by side and behind one another.
    config = zs.ArrayConfig(lanes=lanes, columns=columns, hidden_depth=2500, mask_depth=1200)
    design = zs.assemble(network, config)
    found, guess = mapped(design, tmp_path, target), estimate(design.config, target)
    assert (guess.bram, guess.dsp) == (found.bram, found.dsp)
    assert guess.lut4 == pytest.approx(found.lut4, rel=0.25)
    assert guess.ff == pytest.approx(found.ff, rel=0.25)


def test_every_memory_is_counted() -> None:
    design = zs.assemble(case("table_after_residual"), zs.ArrayConfig(lanes=2, columns=3))
    config = design.config
    counted = {(store.width, store.depth): store.count for store in stores(config)}
    instances = sum(store.count for store in stores(config))
    # Per lane: masks, weights, offsets, hidden, one input bank per element; and: residual, tables, output banks, seven of one copy.
    banks = config.stream_elements
    assert instances == config.lanes * (4 + banks) + 1 + config.columns + banks + 7
    assert counted[8 * config.columns, config.hidden_depth] == config.lanes + 1


def test_multipliers_by_kind() -> None:
    config = zs.assemble(case("residual_in_place"), zs.ArrayConfig(lanes=2, columns=3)).config
    assert multipliers(replace(config, acc_bits=17)) == 3 * (2 + 1 + 1)
    assert multipliers(replace(config, acc_bits=18)) == 3 * (2 + 2 + 1)
    assert multipliers(replace(config, acc_bits=40, residual=False)) == 3 * (2 + 3)


def test_a_part_without_multipliers_takes_logic_for_them() -> None:
    config = zs.assemble(case("pointwise"), zs.ArrayConfig(lanes=1, columns=1)).config
    with_dsp, without = estimate(config, ICE40), estimate(config, TARGETS["ice40-hx8k"])
    assert without.dsp == 0 < with_dsp.dsp
    assert without.lut4 > with_dsp.lut4
