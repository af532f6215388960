"""What every test of an exported folder does, in one call per kind of check. The tool is said by where it runs and what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.sw.export.checks import images_are_the_programs, no_place_of_the_writer
from tests.sw.export.designs import built
from tests.sw.export.lint import icarus_says, slang_says, verilator_says
from tests.sw.export.netlist import Netlist, synthesised
from tests.sw.export.simulation import gives_the_reference

TOP = "zeroskip"


@dataclass(frozen=True, kw_only=True)
class Folder:
    """An exported folder.

    path : where it lies now
    design : the name of the design that was exported
    home : the folder, seen from ``path``, from which the Verilog finds its images
    verilog : the files, seen from ``path``, in the order in which the tool reads them
    """

    path: Path
    design: str
    home: str = "."
    verilog: tuple[str, ...] = ("rtl/zeroskip.v", "rtl/zeroskip_core.v", "rtl/zs_multiplier.v", "rtl/zs_ram.v")

    @property
    def _seen_from_home(self) -> list[str]:
        depth = 0 if self.home == "." else len(Path(self.home).parts)
        return ["../" * depth + name for name in self.verilog]

    def is_whole(self) -> None:
        """No file names the writer's machine, and the images are the program's."""
        no_place_of_the_writer(self.path)
        images_are_the_programs(self.path, built(self.design))

    def lints_clean(self) -> None:
        for says in (verilator_says, icarus_says, slang_says):
            assert says(self.path, self.verilog, TOP) == [], says.__name__

    def simulates(self, samples: int = 1) -> None:
        """Under Icarus, from power-up; ResNet-8, which takes 250,000 cycles, under Verilator."""
        simulator = "verilator" if self.design == "resnet8" else "icarus"
        files = [self.path / name for name in self.verilog]
        gives_the_reference(self.path / self.home, files, built(self.design), samples=samples, simulator=simulator)

    def synthesised(self, family: str, *, whole: bool = True) -> Netlist:
        return synthesised(self.path / self.home, self._seen_from_home, family, TOP, whole=whole)
