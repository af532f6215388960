"""The boards for which a bitstream can be made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from zeroskip.contracts.bridge import LAMPS, BridgeConfig
from zeroskip.contracts.errors import InputError
from zeroskip.synth.area import Area
from zeroskip.synth.targets import TARGETS, Target, ecp5

from .pins import Pin, PlatformPins


@dataclass(frozen=True, kw_only=True)
class Board:
    """One board.

    name : name that the user writes
    words : what it is
    target : its FPGA
    clock_hz : its oscillator
    baud : bits per second that its USB bridge is known to do
    pins : a table, or the place in amaranth-boards
    payload : bytes of the bridge's two memories each
    registers : memories of at most so many bits are built of flip-flops, where block RAM is scarce
    suffix : of the bitstream's file
    program : command that loads it, with ``{file}``
    """

    name: str
    words: str
    target: Target
    clock_hz: int
    baud: int
    pins: tuple[Pin, ...] | PlatformPins
    payload: int
    registers: int = 0
    suffix: str
    program: str

    @cached_property
    def sites(self) -> tuple[Pin, ...]:
        """Every pin of the top. Lamps shine high or low all alike."""
        return self.pins.read() if isinstance(self.pins, PlatformPins) else self.pins

    def bridge(self, baud: int | None = None) -> BridgeConfig:
        """What its gateware is made from. InputError for a baud rate that its clock cannot make."""
        lamps = {pin.port.removeprefix("lamp_"): pin.low for pin in self.sites if pin.port.startswith("lamp_")}
        return BridgeConfig(
            clock_hz=self.clock_hz, baud=self.baud if baud is None else baud, payload=self.payload,
            lamps=tuple(lamp for lamp in LAMPS if lamp in lamps), lamps_low=any(lamps.values()),
        )  # fmt: skip


def _ulx3s(size: int, available: Area) -> Board:
    lamps = {"alive": 0, "busy": 1, "fault": 2}
    return Board(
        name=f"ulx3s-{size}f", words=f"Radiona ULX3S with LFE5U-{size}F", target=ecp5(size, "CABGA381", available, speed="6", fast=False),
        clock_hz=25_000_000, baud=1_000_000, payload=2048, suffix="bit", program="openFPGALoader --board ulx3s {file}",
        pins=PlatformPins(module="ulx3s", platform=f"ULX3S_{size}F_Platform", clock="clk25", lamps=lamps),
    )  # fmt: skip


def _up5k(name: str, words: str, pins: PlatformPins, program: str, baud: int) -> Board:
    return Board(
        name=name, words=words, target=TARGETS["ice40-up5k"], clock_hz=12_000_000, baud=baud, payload=512, registers=96,
        suffix="bin", pins=pins, program=program,
    )  # fmt: skip


def _gowin_pin(port: str, site: str, low: bool = False, **options: str) -> Pin:
    return Pin(port=port, site=site, low=low, options={"IO_TYPE": "LVCMOS33", **options})


TANG_NANO_20K = (
    _gowin_pin("clk", "4"), _gowin_pin("rx", "70", PULL_MODE="UP"), _gowin_pin("tx", "69"),
    _gowin_pin("lamp_alive", "15", low=True), _gowin_pin("lamp_busy", "16", low=True), _gowin_pin("lamp_fault", "17", low=True),
)  # fmt: skip
"""PIN04_SYS_CLK, PIN69_SYS_TX, PIN70_SYS_RX, PIN15 … PIN20_LED0 … LED5, as LiteX-Boards' platform of the Tang Nano 20K names them.
amaranth-boards 0.0.21 does not have this board, and its schematic was not at hand."""

_ALL = (
    _ulx3s(25, TARGETS["ecp5-25k"].available), _ulx3s(45, TARGETS["ecp5-45k"].available), _ulx3s(85, TARGETS["ecp5-85k"].available),
    _up5k(
        "icebreaker", "1BitSquared iCEBreaker with iCE40UP5K",
        PlatformPins(module="icebreaker", platform="ICEBreakerPlatform", clock="clk12", lamps={"alive": 1, "fault": 0}),
        "iceprog {file}", baud=1_000_000,
    ),
    _up5k(
        "icesugar", "MuseLab iCESugar with iCE40UP5K",
        PlatformPins(module="icesugar", platform="ICESugarPlatform", clock="clk12", lamps={"alive": 1, "busy": 2, "fault": 0}),
        "icesprog {file}", baud=115_200,
    ),
    Board(
        name="tangnano20k", words="Sipeed Tang Nano 20K with GW2AR-18", target=TARGETS["gowin-gw2ar-18"], clock_hz=27_000_000, baud=115_200,
        payload=2048, suffix="fs", pins=TANG_NANO_20K, program="openFPGALoader --board tangnano20k {file}",
    ),
)  # fmt: skip
BOARDS = {board.name: board for board in _ALL}
"""Every board by name."""


def board_named(name: str) -> Board:
    """The board of that name. InputError lists the allowed names."""
    if name not in BOARDS:
        raise InputError(f"board must be one of {', '.join(BOARDS)}, not {name!r}")
    return BOARDS[name]
