"""The result of a synthesis run, and the reading of nextpnr's JSON report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zeroskip.contracts.errors import ZeroskipError

from .area import Area, ModuleArea
from .wrapper import CORE


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The slowest path between two flip-flops.

    start : cell and port; without a leading instance name where it belongs to the measured core, else ``wrapper: …``
    end : cell and port, in the same form
    delay_ns : whole delay
    logic_ns : share of logic, clock-to-out and setup included
    routing_ns : share of routing
    levels : cells between the two flip-flops
    """

    start: str
    end: str
    delay_ns: float
    logic_ns: float
    routing_ns: float
    levels: int

    def __str__(self) -> str:
        share = (
            f"{self.delay_ns:.2f} ns: {self.logic_ns:.2f} logic in {self.levels} levels, {self.routing_ns:.2f} routing"
        )
        return f"{self.start} to {self.end} ({share})"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """The report of nextpnr for one seed.

    fmax : in MHz
    critical_path : the slowest path between two flip-flops
    resources : (used, available) of every resource in use
    """

    fmax: float
    critical_path: CriticalPath
    resources: dict[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class SynthReport:
    """Area and Fmax of one design on one part; written once, never cached.

    target : name of the part
    device : the part, as its vendor names it
    package : package of the part
    speed : speed grade of the part
    top : the measured module; it sat in a wrapper that registers each port
    area : area of the core alone, from Yosys' cells
    apart : the same core with the boundaries of the ``keep`` modules, for comparison; equal to ``area`` where nothing was kept
    available : resources of the part
    wrapper : area of the measuring wrapper, which is not part of ``area``
    placed : nextpnr's count, (used, available), of core and wrapper together after packing (median seed). Its TRELLIS_COMB is above
        ``area.lut4`` by the wrapper and by up to two cells per carry chain, which lead the carry in and out, and below it by the two
        LUT4 that each TRELLIS_RAMW blocks
    modules : the core and each kept module in it, with everything inside; from the same run as ``apart``
    keep : the regular expression that chose the kept modules, or None
    freq : clock in MHz that nextpnr aimed at
    fmax : MHz by seed
    fmax_median : MHz of the median seed; of an even number of seeds, the lower of the two middle ones
    critical_path : critical path of the median seed
    tools : version by program
    """

    target: str
    device: str
    package: str
    speed: str
    top: str
    area: Area
    apart: Area
    available: Area
    wrapper: Area
    placed: dict[str, tuple[int, int]]
    modules: dict[str, ModuleArea]
    keep: str | None
    freq: float
    fmax: dict[int, float]
    fmax_median: float
    critical_path: CriticalPath
    tools: dict[str, str]

    @property
    def kept(self) -> dict[str, ModuleArea]:
        """The modules chosen by ``keep``; with its default, the lanes."""
        return {name: area for name, area in self.modules.items() if name != self.top}

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON's own types. Seeds become strings, pairs become lists."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values

    def rows(self) -> list[tuple[str, str]]:
        """Label and text of each line of a table for people to read."""
        rows = [("target", f"{self.target}: {self.device} {self.package} speed {self.speed}")]
        for key, name in _NAMES.items():
            used, available = getattr(self.area, key), getattr(self.available, key)
            share = f" ({100 * used / available:.1f} %)" if available else ""
            rows.append((name, f"{used} of {available}{share}"))
        if self.kept:
            rows += [(f"{_NAMES[key]} inside one of {self._kept_count}", self._spread(key)) for key in ("lut4", "ff")]
            rows.append(
                ("with them apart", ", ".join(f"{getattr(self.apart, key)} {name}" for key, name in _NAMES.items()))
            )
        seeds = ", ".join(f"{value:.1f} (seed {seed})" for seed, value in self.fmax.items())
        rows.append(("Fmax", f"{self.fmax_median:.1f} MHz, median of {seeds}; aimed at {self.freq:g}"))
        rows.append(("critical path", str(self.critical_path)))
        rows.append(("measuring wrapper", f"{self.wrapper.lut4} LUT4, {self.wrapper.ff} FF, not counted above"))
        placed = ", ".join(f"{used}/{available} {name}" for name, (used, available) in self.placed.items())
        rows.append(("placed with it", placed))
        rows.append(("tools", ", ".join(f"{name} {number}" for name, number in self.tools.items())))
        return rows

    @property
    def _kept_count(self) -> str:
        count = sum(area.instances for area in self.kept.values())
        return f"{count} lanes" if all("lane" in name for name in self.kept) else f"{count} modules"

    def _spread(self, key: str) -> str:
        values = sorted(getattr(area, key) for area in self.kept.values())
        return str(values[0]) if values[0] == values[-1] else f"{values[0]} … {values[-1]}"


_NAMES = {"lut4": "LUT4", "ff": "FF", "bram": "block RAM", "dsp": "DSP"}


def read_nextpnr(text: str, *, wrapped: bool = True) -> Placed:
    """Read the file that ``nextpnr --report`` writes. Raises ZeroskipError if it holds no path between flip-flops.

    wrapped : whether the design stood in the measuring wrapper
    """
    report = json.loads(text)
    clocks = {name: float(values["achieved"]) for name, values in report["fmax"].items()}
    paths = [path for path in report["critical_paths"] if path["from"] == path["to"] != "<async>"]
    if not clocks or not paths:
        raise ZeroskipError("nextpnr reports no path between flip-flops: the design has no clocked logic")
    path = max((_path(path["path"], wrapped) for path in paths), key=lambda path: path.delay_ns)
    resources = {name: (int(v["used"]), int(v["available"])) for name, v in report["utilization"].items() if v["used"]}
    return Placed(fmax=min(clocks.values()), critical_path=path, resources=resources)


def _path(steps: list[Mapping[str, Any]], wrapped: bool) -> CriticalPath:
    total = sum(float(step["delay"]) for step in steps)
    routing = sum(float(step["delay"]) for step in steps if step["type"] == "routing")
    return CriticalPath(
        start=_cell(steps[0]["from"], wrapped),
        end=_cell(steps[-1]["to"], wrapped),
        delay_ns=round(total, 3),
        logic_ns=round(total - routing, 3),
        routing_ns=round(routing, 3),
        levels=sum(step["type"] == "logic" for step in steps),
    )


def _cell(end: Mapping[str, str], wrapped: bool) -> str:
    name = f"{end['cell']}.{end['port']}"
    if not wrapped:
        return name
    return name.removeprefix(f"{CORE}.") if re.match(rf"{CORE}\.", name) else f"wrapper: {name}"
