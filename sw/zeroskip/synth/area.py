"""Areas, counted from the mapped cells that Yosys' ``stat -json`` lists for each module."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Area:
    """Resources.

    lut4 : four-input look-up tables
    ff : flip-flops
    bram : block RAMs
    dsp : multipliers
    """

    lut4: int = 0
    ff: int = 0
    bram: int = 0
    dsp: int = 0

    def plus(self, other: Area, times: int = 1) -> Area:
        """Add ``times`` copies of ``other``."""
        return Area(
            lut4=self.lut4 + times * other.lut4,
            ff=self.ff + times * other.ff,
            bram=self.bram + times * other.bram,
            dsp=self.dsp + times * other.dsp,
        )


RESOURCES = {"lut4": "LUT4", "ff": "flip-flops", "bram": "block RAMs", "dsp": "multipliers"}
"""The fields of an :class:`Area`, in words."""


@dataclass(frozen=True, kw_only=True)
class ModuleArea(Area):
    """Area of one instance of a module with everything inside it.

    instances : number of instances in the core
    """

    instances: int = 1


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The area of each mapped cell type of a family.

    weights : area by cell type; a type is a regular expression that must match whole
    bram_words : size of one block RAM, as text for people
    """

    weights: Mapping[str, Area]
    bram_words: str

    def area(self, kind: str) -> Area:
        """Area of one cell of type ``kind``; nothing for a type that is free or not a resource here."""
        return next((area for pattern, area in self.weights.items() if re.fullmatch(pattern, kind)), Area())


ECP5_CELLS = Cells(
    weights={
        "LUT4": Area(lut4=1),
        "CCU2C": Area(lut4=2),
        "TRELLIS_DPR16X4": Area(lut4=6),
        "TRELLIS_FF": Area(ff=1),
        "(DP|PDPW)16KD": Area(bram=1),
        "MULT18X18D": Area(dsp=1),
    },
    bram_words="18 kbit",
)
"""A carry cell fills two LUT4. A 16×4 distributed RAM fills four LUT4 and blocks two for its write port, as nextpnr counts it.
The wide multiplexers PFUMX and L6MUX21 sit beside the LUT4 and are free."""

ICE40_CELLS = Cells(
    weights={
        "SB_LUT4": Area(lut4=1),
        "SB_DFF.*": Area(ff=1),
        "SB_RAM40_4K.*": Area(bram=1),
        "SB_MAC16": Area(dsp=1),
    },
    bram_words="4 kbit",
)
"""A carry sits in the logic cell of its LUT4 and is free."""

GOWIN_CELLS = Cells(
    weights={
        "LUT[1-4]": Area(lut4=1),
        "ALU": Area(lut4=1),
        "RAM16SDP4": Area(lut4=4),
        "DFF.*": Area(ff=1),
        "(SDP|SDPX9|DP|DPX9|SP|SPX9|pROM|pROMX9)B?": Area(bram=1),
        "MULT(9X9|18X18)": Area(dsp=1),
    },
    bram_words="18 kbit",
)
"""An adder bit and a bit of distributed RAM fill a LUT4 each. The wide multiplexers MUX2_LUT5 … 8 sit beside the LUT4 and are free.
A 9×9 multiplier is counted as one of 18×18, of which it is half."""


class Hierarchy:
    """The modules of one mapped design, from ``stat -json``. Names come without RTLIL's leading backslash."""

    def __init__(self, stat: Mapping[str, Any], cells: Cells) -> None:
        self._kinds = {
            name.removeprefix("\\"): {
                kind.removeprefix("\\"): int(count) for kind, count in body["num_cells_by_type"].items()
            }
            for name, body in stat["modules"].items()
        }
        self._cells = cells

    def own(self, module: str) -> Area:
        """Area of the cells of ``module`` itself, without its submodules."""
        return self._sum(module, lambda _: Area())

    def whole(self, module: str) -> Area:
        """Area of one instance of ``module`` with its submodules."""
        return self._sum(module, self.whole)

    def modules(self, top: str) -> dict[str, ModuleArea]:
        """Every module that still exists after mapping, from ``top`` down, by name."""
        found: dict[str, int] = {}
        for name in self._instances(top):
            found[name] = found.get(name, 0) + 1
        return {plain_name(name): _module_area(self.whole(name), count) for name, count in found.items()}

    def _sum(self, module: str, submodule: Callable[[str], Area]) -> Area:
        total = Area()
        for kind, count in self._kinds[module].items():
            total = total.plus(submodule(kind) if kind in self._kinds else self._cells.area(kind), count)
        return total

    def _instances(self, module: str) -> Iterator[str]:
        yield module
        for kind, count in self._kinds[module].items():
            if kind in self._kinds:
                for _ in range(count):
                    yield from self._instances(kind)


def plain_name(name: str) -> str:
    """Module name for people: Yosys' names of parametrised copies become ``ram(WIDTH=8)`` or ``ram#1a2b3c4d``."""
    if found := re.fullmatch(r"\$paramod\$([0-9a-f]{8})[0-9a-f]*\\(.+)", name):
        return f"{found[2]}#{found[1]}"
    if found := re.fullmatch(r"\$paramod\\([^\\]+)\\(.+)", name):
        values = re.sub(r"s?\d+'([01]+)", lambda bits: str(int(bits[1], 2)), found[2])
        return f"{found[1]}({values.replace(chr(92), ', ')})"
    return name


def _module_area(area: Area, instances: int) -> ModuleArea:
    return ModuleArea(lut4=area.lut4, ff=area.ff, bram=area.bram, dsp=area.dsp, instances=instances)
