"""Places for the block RAMs and multipliers of a mapped array, lane by lane, before nextpnr places the rest.

What comes in is a flat netlist as Yosys writes it, with the lanes' numbers in its cells' names. What goes out is the same netlist with
an attribute on these cells that tells nextpnr where they are. nextpnr scatters the multipliers of a lane if nearly all of the part are
taken, and what is between them follows: a lane lies across the whole part.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from .targets import Target
from .tools import place_only

LANE = re.compile(r"(?:^|\.)lane_?(\d+)\.")
"""Finds a lane's number in the name of a cell."""

SCARCE = 0.5
"""Share of a kind of block from which on nextpnr scatters lanes. 4 × 1, which takes an eighth, lost a tenth of its clock by them."""

PROBE = "probe.json"
PLACED = "probe_placed.json"

Point = tuple[float, float]


@dataclass(frozen=True)
class Site:
    """x, y : in tiles; name : nextpnr's"""

    x: int
    y: int
    name: str


def sites(target: Target, folder: Path) -> dict[str, list[Site]]:
    """All sites of the part's hard blocks, by type of cell. nextpnr tells them, asked to place nothing but such blocks."""
    wanted = target.hard_blocks
    cells = {
        f"{kind}_{number}": {
            "hide_name": 0, "type": kind, "parameters": {}, "attributes": {}, "port_directions": {}, "connections": {},
        }
        for kind, resource in wanted.items() for number in range(getattr(target.available, resource))
    }  # fmt: skip
    netlist = {"modules": {"probe": {"attributes": {"top": "1"}, "ports": {}, "cells": cells, "netnames": {}}}}
    (folder / PROBE).write_text(json.dumps(netlist))
    place_only(target, PROBE, PLACED, folder)
    found: dict[str, list[Site]] = defaultdict(list)
    for name, cell in _flat(json.loads((folder / PLACED).read_text()))["cells"].items():
        if name in cells:
            bel = cell["attributes"]["NEXTPNR_BEL"]
            x, y = map(int, re.match(r"X(\d+)/Y(\d+)/", bel).groups())  # type: ignore[union-attr]
            found[cell["type"]].append(Site(x, y, bel))
    return {kind: sorted(places, key=lambda site: (site.y, site.x)) for kind, places in found.items()}


def floorplan(netlist: Mapping[str, Any], places: Mapping[str, Sequence[Site]]) -> dict[str, str]:
    """Site by cell, for the hard blocks of a flat netlist. Each lane's lie together, in bands of lanes; all others in the middle.

    Empty where there is no more than one lane, and where the part has plenty of every kind: nextpnr alone places such an array better.
    """
    cells = {name: cell["type"] for name, cell in _flat(netlist)["cells"].items() if cell["type"] in places}
    lanes = {name: int(match[1]) if (match := LANE.search(name)) else None for name in cells}
    numbers = sorted({lane for lane in lanes.values() if lane is not None})
    use = max(sum(kind == one for kind in cells.values()) / len(found) for one, found in places.items())
    if len(numbers) < 2 or use < SCARCE:
        return {}
    multipliers = min(places, key=lambda kind: len(places[kind]))  # the scarcer kind decides where lanes are
    needed = sum(kind == multipliers and lanes[name] is not None for name, kind in cells.items()) / len(numbers)
    others = sum(kind == multipliers and lanes[name] is None for name, kind in cells.items())
    centres, middle = _centres(numbers, needed, others, use, places, multipliers)
    chosen: dict[str, str] = {}
    for kind, found in places.items():
        names = [name for name, type_ in cells.items() if type_ == kind]
        targets = [middle if (lane := lanes[name]) is None else centres[lane] for name in names]
        chosen |= dict(zip(names, _nearest(targets, found), strict=True))
    return chosen


def pin_down(netlist: Path, target: Target) -> int:
    """Write the sites of the hard blocks into a netlist's file. Returns how many were given one."""
    if not target.hard_blocks:
        return 0
    content = json.loads(netlist.read_text())
    chosen = floorplan(content, sites(target, netlist.parent))
    cells = _flat(content)["cells"]
    for name, site in chosen.items():
        cells[name]["attributes"]["BEL"] = site
    netlist.write_text(json.dumps(content))
    return len(chosen)


def _centres(
    numbers: Sequence[int], needed: float, others: float, use: float, places: Mapping[str, Sequence[Site]], leading: str
) -> tuple[dict[int, Point], Point]:
    """The middle of every lane, by number, and that of all other blocks.

    needed, others : blocks of the kind ``leading`` in a lane, in no lane; use : share of the part that is taken, to which the lanes keep
    """
    rows = sorted({site.y for site in places[leading]})
    free = np.array([sum(site.y == y for site in places[leading]) for y in rows], dtype=np.float64)
    half = len(rows) // 2
    free[half] = max(0.0, free[half] - others)
    counts = _dealt(len(numbers), free)
    left, right = (end(site.x for found in places.values() for site in found) for end in (min, max))
    width, centre = (right - left) * use, (left + right) / 2
    y_of = _band_middles(rows, places, leading)
    lanes, centres = iter(numbers), {}
    for band, count in enumerate(counts):
        inner = others if band == half else 0.0
        length = count * needed + inner
        at = [(i + 0.5) * needed + (inner if i >= count - count // 2 else 0.0) for i in range(count)]
        xs = [centre + width * (place / length - 0.5) for place in at]
        for x in xs if band % 2 == 0 else reversed(xs):  # lanes with numbers that follow each other are neighbours
            centres[next(lanes)] = (x, y_of[band])
    return centres, (centre, y_of[half])


def _dealt(count: int, free: npt.NDArray[np.float64]) -> list[int]:
    """``count`` lanes on bands, in proportion to what is free there."""
    exact = count * free / free.sum()
    dealt = np.floor(exact).astype(int)
    for band in np.argsort(-(exact - dealt), kind="stable")[: count - dealt.sum()]:
        dealt[band] += 1
    return [int(one) for one in dealt]


def _band_middles(rows: Sequence[int], places: Mapping[str, Sequence[Site]], leading: str) -> list[float]:
    """Between a row of the leading blocks and the rows of other blocks that are nearest to it."""
    near: dict[int, list[int]] = defaultdict(list)
    for kind, found in places.items():
        for y in sorted({site.y for site in found}) if kind != leading else ():
            near[min(rows, key=lambda row: (abs(row - y), row))].append(y)
    return [(row + float(np.mean(near.get(row) or [row]))) / 2 for row in rows]


def _nearest(targets: Sequence[Point], found: Sequence[Site]) -> list[str]:
    """A site for each of ``targets``; all together as near as can be. A few that are far away weigh more than many that are not near."""
    wanted = np.array(targets, dtype=np.float64).reshape(-1, 2)
    there = np.array([(site.x, site.y) for site in found], dtype=np.float64)
    distance = np.abs(wanted[:, None, :] - there[None, :, :])
    taken = linear_sum_assignment((distance**1.5).sum(axis=2))[1]
    return [found[i].name for i in taken]


def _flat(netlist: Mapping[str, Any]) -> Any:
    """The module that holds the design: around it there may be one that measures it."""
    return max(netlist["modules"].values(), key=lambda module: len(module.get("cells", ())))
