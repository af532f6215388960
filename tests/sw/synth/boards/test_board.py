"""The boards: their pins, their constraints, their refusals."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from zeroskip.cli.synth import BOARD_NAMES
from zeroskip.contracts.errors import InputError, ToolMissingError, ZeroskipError
from zeroskip.synth.boards import BOARDS, board_named, pins
from zeroskip.synth.boards.bitstream import FAMILIES
from zeroskip.synth.boards.constraints import constraints
from zeroskip.synth.boards.pins import PlatformPins

SITES = {
    "ulx3s-25f": "G2 M1 L4 B2 C2 C1", "ulx3s-45f": "G2 M1 L4 B2 C2 C1", "ulx3s-85f": "G2 M1 L4 B2 C2 C1",
    "icebreaker": "35 6 9 37 11", "icesugar": "35 4 6 41 39 40", "tangnano20k": "4 70 69 15 16 17",
}  # fmt: skip
"""Pins as the vendors' schematics name them, in the order clk, rx, tx, lamps."""


@pytest.mark.parametrize("name", BOARDS)
def test_pins(name: str) -> None:
    board = board_named(name)
    assert " ".join(pin.site for pin in board.sites) == SITES[name]
    lamps = [pin for pin in board.sites if pin.port.startswith("lamp_")]
    assert [pin.port for pin in board.sites if pin not in lamps] == ["clk", "rx", "tx"]
    assert len({pin.low for pin in lamps}) == 1, "lamps shine high or low all alike"
    bridge = board.bridge()
    assert bridge.lamps == tuple(pin.port.removeprefix("lamp_") for pin in lamps)
    assert bridge.lamps_low == lamps[0].low
    assert bridge.baud_error < 0.01
    assert board.bridge(57_600).baud == 57_600


@pytest.mark.parametrize("name", BOARDS)
def test_directions_of_amaranth_boards(name: str) -> None:
    """What we take for an input of the FPGA is one."""
    found = board_named(name).pins
    if not isinstance(found, PlatformPins):
        return
    resources = getattr(pins.import_module(f"amaranth_boards.{found.module}"), found.platform).resources
    (uart,) = (resource for resource in resources if (resource.name, resource.number) == ("uart", 0))
    assert {io.name: io.ios[0].dir for io in uart.ios if io.name in ("rx", "tx")} == {"rx": "i", "tx": "o"}
    (clock,) = (resource for resource in resources if (resource.name, resource.number) == (found.clock, 0))
    assert clock.clock.frequency == board_named(name).clock_hz


def test_constraints_of_each_family() -> None:
    texts = {name: constraints(board, FAMILIES[board.target.nextpnr].form) for name, board in BOARDS.items()}
    assert texts["icebreaker"].splitlines()[1:] == [
        "set_io clk 35", "set_io -pullup yes rx 6", "set_io -pullup yes tx 9", "set_io lamp_alive 37", "set_io lamp_fault 11",
        "set_frequency clk 12",
    ]  # fmt: skip
    assert texts["ulx3s-85f"].splitlines()[1:5] == [
        'LOCATE COMP "clk" SITE "G2";', 'IOBUF PORT "clk" IO_TYPE=LVCMOS33;',
        'LOCATE COMP "rx" SITE "M1";', 'IOBUF PORT "rx" IO_TYPE=LVCMOS33;',
    ]  # fmt: skip
    assert texts["ulx3s-85f"].endswith('FREQUENCY PORT "clk" 25 MHZ;\n')
    assert texts["tangnano20k"].splitlines()[1:5] == [
        'IO_LOC "clk" 4;', 'IO_PORT "clk" IO_TYPE=LVCMOS33;', 'IO_LOC "rx" 70;', 'IO_PORT "rx" IO_TYPE=LVCMOS33 PULL_MODE=UP;',
    ]  # fmt: skip


def test_unknown_board() -> None:
    names = re.escape(", ".join(BOARDS))
    with pytest.raises(InputError, match=rf"^board must be one of {names}, not 'ulx3s'$"):
        board_named("ulx3s")


def test_no_amaranth_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(pins, "import_module", absent)
    with pytest.raises(
        ToolMissingError, match=r"^amaranth_boards is missing; install it with: pip install 'zeroskip\[synth\]'$"
    ):
        PlatformPins(module="ulx3s", platform="ULX3S_85F_Platform", clock="clk25", lamps={}).read()


def test_a_platform_without_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "import_module", lambda name: SimpleNamespace(Bare=SimpleNamespace(resources=[])))
    with pytest.raises(ZeroskipError, match=r"^amaranth-boards: Bare has no resource 'uart' 0$"):
        PlatformPins(module="bare", platform="Bare", clock="clk", lamps={}).read()


def test_help_names_every_board() -> None:
    assert BOARD_NAMES.replace(" or ", ", ").split(", ") == [*BOARDS]
