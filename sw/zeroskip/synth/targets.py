"""The FPGA parts that a design can be measured on, and what each holds."""

from __future__ import annotations

from dataclasses import dataclass

from ..spec.errors import CapacityError, InputError
from .area import ECP5_CELLS, ICE40_CELLS, Area, Cells


@dataclass(frozen=True, kw_only=True)
class Target:
    """One part in one package and speed grade, and how the tools are told so.

    name : what the user writes
    device, package, speed : the part, as its vendor names it; an iCE40's speed grade is part of its device's name
    available : LUT4, flip-flops, block RAMs (ECP5: 18 kbit, iCE40: 4 kbit) and multipliers of the part; in iCE40 one LUT4
        and one flip-flop make one logic cell, and cannot always be used by two unrelated signals
    synth : Yosys command
    nextpnr : program, ``ecp5`` or ``ice40``
    options : nextpnr's options that choose the part
    freq : clock in MHz that nextpnr aims at by default
    cells : how mapped cells count

    Source of the figures: Lattice FPGA-DS-02012 (ECP5), FPGA-DS-02029 (iCE40 LP/HX), FPGA-DS-02008 (iCE40 UltraPlus), and equal to
    what nextpnr reports as available.
    """

    name: str
    device: str
    package: str
    speed: str
    available: Area
    synth: str
    nextpnr: str
    options: tuple[str, ...]
    freq: float
    cells: Cells

    @property
    def words(self) -> str:
        """Part, package and speed grade in one phrase, to stand beside every Fmax."""
        return f"{self.device} {self.package} speed {self.speed}"

    def check_fit(self, need: Area, what: str) -> None:
        """Refuse with CapacityError an area that the part cannot hold, naming each resource with both figures."""
        names = {
            "lut4": "LUT4",
            "ff": "flip-flops",
            "bram": f"block RAMs ({self.cells.bram_words})",
            "dsp": "multipliers",
        }
        over = [
            f"{getattr(need, key)} {name}, available {getattr(self.available, key)}"
            for key, name in names.items()
            if getattr(need, key) > getattr(self.available, key)
        ]
        if over:
            raise CapacityError(f"{what} does not fit {self.name} ({self.device}): needs {'; '.join(over)}")


def _ecp5(size: int, package: str, available: Area) -> Target:
    return Target(
        name=f"ecp5-{size}k",
        device=f"LFE5UM5G-{size}F",
        package=package,
        speed="8",
        available=available,
        synth="synth_ecp5 -abc9",
        nextpnr="ecp5",
        options=(f"--um5g-{size}k", "--speed", "8", "--package", package),
        freq=200.0,
        cells=ECP5_CELLS,
    )


def _ice40(device: str, package: str, available: Area, synth: str, freq: float) -> Target:
    return Target(
        name=f"ice40-{device}",
        device=f"iCE40{device.upper()}",
        package=package.upper(),
        speed=device[:2].upper(),
        available=available,
        synth=synth,
        nextpnr="ice40",
        options=(f"--{device}", "--package", package),
        freq=freq,
        cells=ICE40_CELLS,
    )


_ALL = (
    _ecp5(25, "CABGA381", Area(lut4=24288, ff=24288, bram=56, dsp=28)),
    _ecp5(45, "CABGA554", Area(lut4=43848, ff=43848, bram=108, dsp=72)),
    _ecp5(85, "CABGA756", Area(lut4=83640, ff=83640, bram=208, dsp=156)),
    _ice40("hx8k", "ct256", Area(lut4=7680, ff=7680, bram=32, dsp=0), "synth_ice40 -abc9 -device hx", 100.0),
    _ice40("up5k", "sg48", Area(lut4=5280, ff=5280, bram=30, dsp=8), "synth_ice40 -dsp -abc9 -device u", 48.0),
)
TARGETS = {target.name: target for target in _ALL}
"""Every target by name."""


def target_named(name: str) -> Target:
    """Look a target up; InputError lists the allowed names."""
    if name not in TARGETS:
        raise InputError(f"target must be one of {', '.join(TARGETS)}, not {name!r}")
    return TARGETS[name]
