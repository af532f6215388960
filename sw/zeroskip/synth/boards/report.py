"""What a bitstream is made of, and how it gets into its board."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.synth.area import RESOURCES, Area
from zeroskip.synth.report import CriticalPath, Placed

from .board import Board


@dataclass(frozen=True, kw_only=True)
class BitstreamReport:
    """The report of one bitstream.

    board, words : name of the board, and what it is
    device : its FPGA with package and speed grade
    config_id : of the array in it
    sha256 : of the file
    area : of array, bridge and top together, from Yosys' cells
    available : resources of the part
    placed : nextpnr's count, (used, available)
    clock_mhz : the board's oscillator
    fmax : MHz by tried seed
    seed : whose placement the bitstream is
    critical_path : its slowest path
    baud : bits per second of the serial line
    payload : bytes of the largest payload of a frame
    pins : site by port
    program : command that loads the bitstream, with ``{file}``
    tools : version by program
    """

    board: str
    words: str
    device: str
    config_id: int
    sha256: str
    area: Area
    available: Area
    placed: Mapping[str, tuple[int, int]]
    clock_mhz: float
    fmax: Mapping[int, float]
    seed: int
    critical_path: CriticalPath
    baud: int
    payload: int
    pins: Mapping[str, str]
    program: str
    tools: Mapping[str, str]

    @classmethod
    def of(
        cls, board: Board, bridge: BridgeConfig, placed: Placed, *, content: bytes, area: Area, fmax: Mapping[int, float], seed: int,
        config_id: int, tools: Mapping[str, str],
    ) -> BitstreamReport:  # fmt: skip
        return cls(
            board=board.name, words=board.words, device=board.target.words, config_id=config_id,
            sha256=hashlib.sha256(content).hexdigest(), area=area, available=board.target.available, placed=placed.resources,
            clock_mhz=board.clock_hz / 1e6, fmax=fmax, seed=seed, critical_path=placed.critical_path, baud=bridge.baud,
            payload=bridge.payload, pins={pin.port: pin.site for pin in board.sites}, program=board.program, tools=tools,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON's own types. Seeds become strings, pairs become lists."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values

    def rows(self, file: str) -> list[tuple[str, str]]:
        """Label and text of each line of a table for people, for a bitstream that was written to ``file``."""
        rows = [("board", f"{self.board}: {self.words}, {self.device}")]
        for key, name in RESOURCES.items():
            used, available = getattr(self.area, key), getattr(self.available, key)
            rows.append((name, f"{used} of {available}" + (f" ({100 * used / available:.1f} %)" if available else "")))
        tried = ", ".join(f"{value:.1f} (seed {seed})" for seed, value in self.fmax.items())
        placed = ", ".join(f"{used}/{available} {name}" for name, (used, available) in self.placed.items())
        return [
            *rows, ("placed", placed), ("clock", f"{self.clock_mhz:g} MHz; Fmax {tried} MHz"),
            ("critical path", str(self.critical_path)), ("serial line", f"{self.baud:,} baud, 8N1; payload up to {self.payload} bytes"),
            ("tools", ", ".join(f"{name} {number}" for name, number in self.tools.items())),
            ("bitstream", file), ("to load it", self.program.format(file=file)),
        ]  # fmt: skip
