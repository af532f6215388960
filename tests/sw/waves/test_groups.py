"""The signals that are listed are those of the hardware."""

from __future__ import annotations

from functools import cache

import pytest
from tests.sim.image_cases import case

from zeroskip.contracts.config import ArrayConfig
from zeroskip.schedule import schedule
from zeroskip.waves import groups
from zeroskip.waves.hierarchy import Hierarchy
from zeroskip_hw.verilog import generate


@cache
def design(epilogues: int) -> tuple[tuple[str, ...], str]:
    """Verilog with residuals and slopes, and its top module."""
    array = ArrayConfig(lanes=2, columns=2, epilogues=epilogues)
    made = generate(schedule(case("prelu_on_a_residual"), array).config)
    return tuple(made.files.values()), made.sidecar["top"]


@pytest.mark.parametrize("epilogues", [1, 2])
def test_every_listed_signal_exists(epilogues: int) -> None:
    verilog, top = design(epilogues)
    hierarchy = Hierarchy(verilog, top)
    core = next(path.removesuffix("array") for path in hierarchy.instances if path.split(".")[-1] == "array")
    listed = [(core, names) for part in (groups.BEFORE_LANES, groups.BEHIND_LANES) for names in part.values()]
    listed += [("", names) for names in groups.PORTS.values()]
    listed += [(f"{core}array.{one}.", groups.LANE) for one in ("lane00", "lane01")]
    listed += [(core, groups.MERGE), (f"{core}array.requantizer.", groups.REQUANTIZER)]
    names = [prefix + name for prefix, names in listed for name in names.split()]
    assert [name for name in names if hierarchy.width(name) is None] == []


@pytest.mark.parametrize("epilogues", [1, 2])
def test_groups_follow_an_activation_through_the_array(epilogues: int) -> None:
    found = [group.title for group in groups.wanted(*design(epilogues))]
    requantizers = ["requantizer", "requantizer1"][:epilogues]
    assert found == [
        "clock and reset", "input stream", "output stream", "AXI4-Lite", "control", "loader", "layer", "constants", "lane 0", "lane 1",
        "merge", *requantizers, "writer", "unloader", "counters", "errors",
    ]  # fmt: skip
