"""What every exporter is given of a design, and the forms in which tools want it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.program import Program
from zeroskip.contracts.words import Memory
from zeroskip.storage.design_folder import Saved

CORE, RAM = "zeroskip_core.v", "zs_ram.v"
"""The files of the Verilog that know where images lie, and how a memory is written for a tool."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """A design on its way to a tool.

    name : of the design, a Verilog identifier; it names projects and cores
    saved : the design
    part : the FPGA, as its vendor orders it; None where the tool needs none
    clock : MHz that the constraints ask for
    samples : (N, …) float inputs that the design was saved with, if it was
    """

    name: str
    saved: Saved
    part: str | None
    clock: float
    samples: npt.NDArray[Any] | None = None

    @property
    def program(self) -> Program:
        return self.saved.program

    @property
    def config(self) -> ArrayConfig:
        return self.saved.program.config

    @property
    def sidecar(self) -> Mapping[str, Any]:
        """Top, ports, parameters, windows and hashes of the Verilog."""
        return self.saved.sidecar

    @cached_property
    def memories(self) -> tuple[Memory, ...]:
        return Layout(self.config).memories

    def verilog(self, *, images: str = "images/", attributes: str | None = None) -> dict[str, str]:
        """Verilog text by file name, the design's but for what is asked here.

        images : what stands in front of an image's name in $readmemh: a folder with its slash, or nothing
        attributes : the attributes of a memory in the tool's spelling, as ``(* ramstyle = "no_rw_check" *)``; None leaves the design's own
        """
        files = dict(self.saved.verilog)
        files[CORE] = files[CORE].replace('"images/', f'"{images}')
        if attributes is not None:
            files[RAM] = f"`define ZEROSKIP_RAM_ATTRIBUTES {attributes}\n\n{files[RAM]}"
        return files

    def full_image(self, memory: Memory) -> tuple[int, ...]:
        """As many words as the memory has, zeros behind the image: the hardware never reads them, but some tools count."""
        words = self.program.images[memory.name]
        return (*words, *[0] * (memory.depth - len(words)))

    def plain_images(self, folder: str = "images/") -> dict[str, bytes]:
        """$readmemh files by path in ``folder``: a word a line and as many lines as words, nothing else."""
        return {f"{folder}{memory.name}.mem": plain(self.full_image(memory), memory.width) for memory in self.memories}


def plain(words: Iterable[int], width: int) -> bytes:
    """The text of a $readmemh file: a word a line, all digits of its width, and nothing else."""
    digits = (width + 3) // 4
    return "".join(f"{word:0{digits}x}\n" for word in words).encode()


def identifier(folder: Path) -> str:
    """The folder's name as a Verilog identifier."""
    name = re.sub(r"\W", "_", folder.resolve().name, flags=re.ASCII)
    return name if name[:1].isalpha() else f"n{name}"
