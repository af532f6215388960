"""Sites of block RAMs and multipliers: all known, each given once, a lane's together."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zeroskip.synth.floorplan import Site, floorplan, pin_down, sites
from zeroskip.synth.targets import TARGETS, target_named
from zeroskip.synth.tools import place_only


def part(rows: dict[str, tuple[int, ...]], per_row: int) -> dict[str, list[Site]]:
    """A part with rows of hard blocks, two tiles between them."""
    return {
        kind: [Site(2 * i, y, f"X{2 * i}/Y{y}/{kind}") for y in ys for i in range(per_row)] for kind, ys in rows.items()
    }


def netlist(lanes: int, others: int, **blocks: int) -> dict[str, Any]:
    """Lanes with so many blocks of each kind, and so many others of each."""
    names = [
        (f"core.array.lane{lane:02}.part{i}.{kind}", kind)
        for lane in range(lanes)
        for kind, count in blocks.items()
        for i in range(count)
    ]
    names += [(f"core.array.requantizer.{kind}{i}", kind) for kind in blocks for i in range(others)]
    cells = {name: {"type": kind, "attributes": {}, "connections": {}} for name, kind in names}
    cells["core.array.lane00.other"] = {"type": "LUT4", "attributes": {}, "connections": {}}
    around = {"attributes": {"top": "1"}, "cells": {"core": {"type": "zeroskip", "attributes": {}, "connections": {}}}}
    return {"modules": {"measure": around, "zeroskip": {"attributes": {}, "cells": cells}}}


@pytest.mark.parametrize("lanes, others, per_row", [(16, 24, 52), (8, 24, 52), (3, 0, 10), (2, 1, 8), (13, 48, 52)])
def test_every_block_has_a_site_of_its_own_and_a_lanes_lie_together(lanes: int, others: int, per_row: int) -> None:
    places = part({"MULT": (10, 34, 58), "RAM": (22, 46, 70, 82)}, per_row)
    chosen = floorplan(netlist(lanes, others, MULT=8, RAM=9), places)
    assert Counter(name.rsplit("/", 1)[1] for name in chosen.values()) == {
        "MULT": 8 * lanes + others, "RAM": 9 * lanes + others,
    }  # fmt: skip
    assert len(set(chosen.values())) == len(chosen)
    by_name = {site.name: site for found in places.values() for site in found}
    for lane in range(lanes):
        mine = [by_name[site] for cell, site in chosen.items() if f"lane{lane:02}" in cell]
        x, y = np.array([site.x for site in mine]), np.array([site.y for site in mine])
        assert np.ptp(x) <= 30
        assert np.ptp(y) <= 36


def test_lanes_that_follow_each_other_are_neighbours() -> None:
    places = part({"MULT": (10, 34, 58), "RAM": (22, 46, 70, 82)}, 52)
    chosen = floorplan(netlist(16, 24, MULT=8, RAM=9), places)
    by_name = {site.name: site for site in places["MULT"]}
    middles = [
        np.mean([(by_name[s].x, by_name[s].y) for cell, s in chosen.items() if f"lane{lane:02}" in cell and s in by_name], axis=0)
        for lane in range(16)
    ]  # fmt: skip
    steps = np.abs(np.diff(middles, axis=0)).sum(axis=1)
    assert np.median(steps) <= 20
    assert steps.max() <= 60  # over the middle, where what is no lane lies


@pytest.mark.parametrize("lanes", [0, 1])
def test_nothing_is_placed_where_there_are_no_lanes_to_keep_together(lanes: int) -> None:
    assert floorplan(netlist(lanes, 5, MULT=2, RAM=3), part({"MULT": (1,), "RAM": (2,)}, 52)) == {}


def test_an_array_that_takes_little_of_the_part_is_left_to_nextpnr() -> None:
    places = part({"MULT": (10, 34, 58), "RAM": (22, 46, 70, 82)}, 52)
    assert floorplan(netlist(4, 2, MULT=1, RAM=5), places) == {}
    assert floorplan(netlist(8, 13, MULT=8, RAM=5), places) == {}
    assert len(floorplan(netlist(8, 14, MULT=8, RAM=5), places)) == 8 * 13 + 28


def test_a_part_without_such_sites_is_left_alone(tmp_path: Path) -> None:
    assert pin_down(tmp_path / "missing.json", target_named("ice40-up5k")) == 0


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.hard_blocks])
def test_all_sites_of_a_part_are_found(name: str, tmp_path: Path) -> None:
    target = target_named(name)
    found = sites(target, tmp_path)
    assert {kind: len(places) for kind, places in found.items()} == {
        kind: getattr(target.available, resource) for kind, resource in target.hard_blocks.items()
    }
    assert len({site.name for places in found.values() for site in places}) == sum(map(len, found.values()))


def test_nextpnr_places_the_blocks_where_it_is_told(tmp_path: Path) -> None:
    target, path = target_named("ecp5-25k"), tmp_path / "flat.json"
    content = netlist(3, 1, MULT18X18D=5, DP16KD=4)
    del content["modules"]["measure"]
    (module,) = content["modules"].values()
    del module["cells"]["core.array.lane00.other"]
    module |= {"ports": {}, "netnames": {}}
    for cell in module["cells"].values():
        cell |= {"hide_name": 0, "parameters": {}, "port_directions": {}}
    path.write_text(json.dumps(content))
    assert pin_down(path, target) == 3 * 9 + 2
    place_only(target, path.name, "placed.json", tmp_path)
    (placed,) = (module["cells"] for module in json.loads((tmp_path / "placed.json").read_text())["modules"].values())
    told = json.loads(path.read_text())["modules"]["zeroskip"]["cells"]
    assert {name: placed[name]["attributes"]["NEXTPNR_BEL"] for name in told} == {
        name: cell["attributes"]["BEL"] for name, cell in told.items()
    }
