"""What a testbench knows of its design: vectors, sizes, and what the registers must read."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from zeroskip.contracts import registers as reg
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import Program
from zeroskip.contracts.timing import STEADY_GROUPS, longest_silence


@dataclass(frozen=True)
class Reading:
    """A register that is read, and what it must be. Address and value are Verilog numbers, the name is the inside of a Verilog string."""

    name: str
    address: str
    expected: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Testbench:
    """A design with stimulus and what must come of it.

    program : images and configuration
    cycles : predicted
    verilog : text by file name
    top : module to instantiate
    inputs : (N, inputs), in the order of the input stream
    expected : (N, outputs), in the order of the output stream

    The array computes whole groups of samples, and needs a few of them to reach its steady state: the samples are repeated to fill up.
    """

    program: Program
    cycles: Cycles
    verilog: Mapping[str, str]
    top: str
    inputs: IntArray
    expected: IntArray

    @cached_property
    def groups(self) -> int:
        return max(STEADY_GROUPS, -(-len(self.inputs) // self._layout.group_samples))

    @property
    def samples(self) -> int:
        """That go through the array, the repeated ones included."""
        return self.groups * self._layout.group_samples

    @property
    def order(self) -> IntArray:
        """The number of each sample that goes through the array."""
        return np.arange(self.samples) % len(self.inputs)

    @property
    def limit(self) -> int:
        """Clock cycles without a beat on either stream after which the array has stalled, where the streams do not pause.

        Twice what may pass before the first beat, or from a group's last input to its first output, and the reading of all registers.
        """
        return 1000 + 2 * (longest_silence(self.program.config) + self.cycles.latency + self.cycles.interval)

    def values(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """What the templates are filled with. files : content by name of what the simulation reads."""
        program, layout, cycles = self.program, self._layout, self.cycles
        layers = [
            self._reading(f"cycles of layer '{name}'", reg.LAYER_CYCLES + 4 * number, count)
            for number, (name, count) in enumerate(cycles.layers.items())
        ]
        before = [
            self._reading("ID", reg.ID, reg.ID_RESET), self._reading("VERSION", reg.VERSION, reg.VERSION_RESET),
            self._reading("CONFIG_ID", reg.CONFIG_ID, program.config.digest),
        ]  # fmt: skip
        untimed = [
            self._reading("STATUS", reg.STATUS, reg.STATUS_RUNNING | reg.STATUS_READY), self._reading("ERROR", reg.ERROR, 0),
            self._reading("GROUPS", reg.GROUPS, self.groups), *layers,
        ]  # fmt: skip
        timed = [
            self._reading("LATENCY", reg.LATENCY, cycles.latency), self._reading("INTERVAL", reg.INTERVAL, cycles.interval),
        ]  # fmt: skip
        return {
            "readings": [*before, *untimed, *timed], "readings_before": len(before), "readings_untimed": len(before) + len(untimed),
            "top": self.top, "samples": self.samples, "stream_bits": program.config.stream_bits,
            "address_bits": layout.address_bits, "input_beats": self.samples * program.input_beats,
            "output_beats": self.samples * program.output_beats, "sample_beats": program.output_beats,
            "group_samples": layout.group_samples, "limit": self.limit, "latency": cycles.latency, "interval": cycles.interval,
            "control": self._address(reg.CONTROL), "run": reg.CONTROL_RUN, "verilog": list(self.verilog),
            "files": [{"name": name, "crc": crc32(content)} for name, content in files.items()],
        }  # fmt: skip

    def _reading(self, name: str, register: int, expected: int) -> Reading:
        return Reading(verilog_text(name), self._address(register), f"32'd{expected}")

    def _address(self, register: int) -> str:
        return f"{self._layout.address_bits}'h{register:x}"

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.program.config)


def crc32(content: bytes) -> int:
    """The CRC-32 of a text without its carriage returns: a file that changed its line ends on the way is the same."""
    return zlib.crc32(content.replace(b"\r", b""))


def verilog_text(text: str) -> str:
    r"""The inside of a Verilog format: ``"``, ``\`` and ``%`` escaped, and what is not printable ASCII a question mark."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
