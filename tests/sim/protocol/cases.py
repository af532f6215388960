"""Protocol tests: the top module alone, its memories loaded through the register map, between AXI sources and sinks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import LayerInfo, Program
from zeroskip_sim.build import build
from zeroskip_sim.run import start

TOP = "zeroskip"
"""The module under test."""

PORTS = Path(__file__).with_name("zeroskip.vlt")
"""Opens its ports to Python under Verilator."""

BENCHES = ",".join(f"tests.sim.protocol.{name}" for name in ("handshakes", "status", "refusals", "watchdog"))

CASES = "cases.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One network on the array, and what the array must make of it.

    inputs : (samples, inputs), whole groups
    expected : (samples, outputs)
    signed : whether an output byte is two's complement
    cycles : as predicted
    """

    program: Program
    inputs: IntArray
    expected: IntArray
    signed: bool
    cycles: Cycles

    def to_json(self) -> dict[str, Any]:
        program = self.program
        return {
            "config": program.config.to_json(), "layers": [layer.to_json() for layer in program.layers],
            "input_count": program.inputs, "output_count": program.outputs, "images": dict(program.images),
            "inputs": self.inputs.tolist(), "expected": self.expected.tolist(),
            "signed": self.signed, "cycles": self.cycles.to_json(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Case:
        program = Program(
            config=ArrayConfig.from_json(values["config"]),
            layers=tuple(LayerInfo.from_json(layer) for layer in values["layers"]),
            inputs=values["input_count"], outputs=values["output_count"],
            images={name: tuple(words) for name, words in values["images"].items()},
        )  # fmt: skip
        return cls(
            program=program, signed=values["signed"], cycles=Cycles.from_json(values["cycles"]),
            inputs=np.array(values["inputs"], dtype=np.int64), expected=np.array(values["expected"], dtype=np.int64),
        )  # fmt: skip


def load_cases(folder: Path) -> list[Case]:
    """What :func:`run_tests` left for the bench."""
    return [Case.from_json(case) for case in json.loads((folder / CASES).read_text())]


def run_tests(
    cases: Sequence[Case], verilog: Mapping[str, str], *, simulator: str, folder: Path, seed: int, only: str = "",
    waves: bool = False,
) -> dict[str, str | None]:  # fmt: skip
    """Run the tests of all ``BENCHES`` on the hardware that all ``cases`` share; per test None, or why it failed.

    only : a regular expression that chooses among the tests

    Raises MismatchError when it chooses none.
    """
    if len({case.program.config for case in cases}) != 1:
        raise ValueError("all cases must have one configuration: the hardware is built once")
    (folder / CASES).write_text(json.dumps([case.to_json() for case in cases]))
    model = build({**verilog, PORTS.name: PORTS.read_text()}, TOP, simulator, parameters={}, waves=waves, images=False)
    environment = {"COCOTB_TEST_FILTER": only} if only else {}
    start(model, BENCHES, folder, seed=seed, waves=waves, environment=environment)
    return dict(sorted(read_results(folder / "results.xml").items()))


def read_results(path: Path) -> dict[str, str | None]:
    """Per test of a ``results.xml`` None, or why it failed."""
    results: dict[str, str | None] = {}
    for test in ElementTree.parse(path).iter("testcase"):
        if test.find("skipped") is not None:
            continue
        fault = next((part for part in test if part.tag in ("failure", "error")), None)
        results[test.get("name", "")] = None if fault is None else fault.get("message") or fault.text or fault.tag
    return results
