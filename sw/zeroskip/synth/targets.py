"""The FPGA parts that a design can be measured on, and what each holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from zeroskip.contracts.errors import CapacityError, InputError

from .area import ECP5_CELLS, GOWIN_CELLS, ICE40_CELLS, RESOURCES, Area, Cells

WHOLE = MappingProxyType(dict.fromkeys(RESOURCES, 1.0))
"""All of every resource."""


@dataclass(frozen=True, kw_only=True)
class Memories:
    """The mapping of memories with one write and one read port, by synthesis.

    shapes : (width, depth) of one block RAM in each of its configurations
    parts : (8-bit parts, depth) of one block RAM where parts are written separately
    cell : (width, depth) of one distributed RAM cell, and the LUT4 it takes with its share of the choice between cells, or None
    cells_per_block : a block RAM is taken in place of so many cells, of which one that is used in part counts in part
    bits_per_block : so many flip-flops are taken before a block RAM is, where there are no distributed RAM cells
    """

    shapes: tuple[tuple[int, int], ...]
    parts: tuple[tuple[int, int], ...]
    cell: tuple[int, int, int] | None = None
    cells_per_block: int = 0
    bits_per_block: int = 0

    def blocks(self, width: int, depth: int, parts: int) -> int:
        """Block RAMs of a memory whose words have so many separate parts. The rest of the depth may take another shape."""
        if depth <= 0:
            return 0
        wanted, shapes = (parts, self.parts) if parts > 1 else (width, self.shapes)
        return min(
            -(-wanted // held) * max(1, depth // deep) + self.blocks(width, depth - max(1, depth // deep) * deep, parts)
            for held, deep in shapes
        )

    def small(self, width: int, depth: int) -> tuple[int, int] | None:
        """(LUT4, flip-flops) of a memory that is better kept out of block RAM, or None. The output register is not counted."""
        blocks = self.blocks(width, depth, 1)
        if self.cell is None:
            fits = width * depth <= self.bits_per_block * blocks
        else:
            wide, deep, _ = self.cell
            fits = width * -(-depth // deep) < self.cells_per_block * wide * blocks
        return self.logic(width, depth) if fits else None

    def logic(self, width: int, depth: int) -> tuple[int, int]:
        """(LUT4, flip-flops) of a memory that is no block RAM. An output register is not counted."""
        if self.cell is None:
            return width * depth // 2, width * depth
        wide, deep, lut4 = self.cell
        return -(-width // wide) * -(-depth // deep) * lut4, 0


@dataclass(frozen=True, kw_only=True)
class Target:
    """One part in one package and speed grade, and its description for the tools.

    name : name that the user writes
    device : the part, as its vendor names it; for an iCE40 the speed grade is part of this name
    package : as its vendor names it
    speed : speed grade, as its vendor names it
    available : LUT4, flip-flops, block RAMs (ECP5, Gowin: 18 kbit, iCE40: 4 kbit) and multipliers of the part. In iCE40 one LUT4 and one
        flip-flop make one logic cell; two unrelated signals cannot always use both
    synth : Yosys command
    nextpnr : program, ``ecp5``, ``ice40`` or ``himbaechel_gowin``
    options : nextpnr's options that choose the part
    freq : clock in MHz that nextpnr aims at by default
    cells : area of the mapped cells
    memories : mapping of memories
    hard_blocks : types of the cells that have sites of their own, and the resource that each is; they are placed before all others

    Source of the figures: Lattice FPGA-DS-02012 (ECP5), FPGA-DS-02029 (iCE40 LP/HX), FPGA-DS-02008 (iCE40 UltraPlus). They equal
    what nextpnr reports as available, from which those of the GW2AR are taken.
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
    memories: Memories
    hard_blocks: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def words(self) -> str:
        """Part, package and speed grade in one phrase, to be printed with every Fmax."""
        return f"{self.device} {self.package} speed {self.speed}"

    def check_fit(self, need: Area, what: str) -> None:
        """Raises CapacityError for an area that the part cannot hold, naming each resource with both figures."""
        words = RESOURCES | {"bram": f"{RESOURCES['bram']} ({self.cells.bram_words})"}
        over = [
            f"{getattr(need, key)} {words[key]}, available {getattr(self.available, key)}" for key in self.over(need)
        ]
        if over:
            raise CapacityError(f"{what} does not fit {self.name} ({self.device}): needs {'; '.join(over)}")

    def over(self, need: Area, share: Mapping[str, float] = WHOLE) -> tuple[str, ...]:
        """Keys of ``RESOURCES`` of which ``need`` takes more than that share of the part's resources."""
        return tuple(key for key in RESOURCES if getattr(need, key) > share[key] * getattr(self.available, key))


ECP5_MEMORIES = Memories(
    shapes=((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), parts=((4, 512), (2, 1024), (1, 2048)),
    cell=(4, 16, 7), cells_per_block=22,
)  # fmt: skip
ICE40_MEMORIES = Memories(
    shapes=((16, 256), (8, 512), (4, 1024), (2, 2048)), parts=((2, 256), (1, 512)), bits_per_block=64
)  # fmt: skip
GOWIN_MEMORIES = Memories(
    shapes=((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), parts=((4, 512), (2, 1024), (1, 2048)),
    cell=(4, 16, 5), cells_per_block=20,
)  # fmt: skip
"""Measured on single memories with yosys 0.70, Gowin's on whole arrays. Block sizes are the vendor's, the limits are yosys' choice."""


def ecp5(size: int, package: str, available: Area, *, speed: str = "8", fast: bool = True) -> Target:
    """An ECP5. ``fast`` : a LFE5UM5G, else a LFE5U."""
    return Target(
        name=f"ecp5-{size}k",
        device=f"LFE5U{'M5G' if fast else ''}-{size}F",
        package=package,
        speed=speed,
        available=available,
        synth="synth_ecp5 -abc9",
        nextpnr="ecp5",
        # Thrice nextpnr's default: 4 to 10 % more MHz, measured on arrays of 4 × 1 and 8 × 8 with three seeds.
        options=(
            f"--{'um5g-' if fast else ''}{size}k",
            "--speed",
            speed,
            "--package",
            package,
            "--placer-heap-timingweight",
            "30",
        ),
        freq=200.0,
        cells=ECP5_CELLS,
        memories=ECP5_MEMORIES,
        hard_blocks={"DP16KD": "bram", "MULT18X18D": "dsp"},
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
        memories=ICE40_MEMORIES,
    )


_ALL = (
    ecp5(25, "CABGA381", Area(lut4=24288, ff=24288, bram=56, dsp=28)),
    ecp5(45, "CABGA554", Area(lut4=43848, ff=43848, bram=108, dsp=72)),
    ecp5(85, "CABGA756", Area(lut4=83640, ff=83640, bram=208, dsp=156)),
    _ice40("hx8k", "ct256", Area(lut4=7680, ff=7680, bram=32, dsp=0), "synth_ice40 -abc9 -device hx", 100.0),
    _ice40("up5k", "sg48", Area(lut4=5280, ff=5280, bram=30, dsp=8), "synth_ice40 -dsp -abc9 -device u", 48.0),
    Target(
        name="gowin-gw2ar-18", device="GW2AR-LV18", package="QN88", speed="C8/I7", available=Area(lut4=20736, ff=15552, bram=46, dsp=48),
        synth="synth_gowin -family gw2a", nextpnr="himbaechel_gowin",
        options=("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"), freq=100.0, cells=GOWIN_CELLS, memories=GOWIN_MEMORIES,
    ),
)  # fmt: skip
TARGETS = {target.name: target for target in _ALL}
"""Every target by name."""


def target_named(name: str) -> Target:
    """The target of that name. InputError lists the allowed names."""
    if name not in TARGETS:
        raise InputError(f"target must be one of {', '.join(TARGETS)}, not {name!r}")
    return TARGETS[name]
