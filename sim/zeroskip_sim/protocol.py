"""Protocol tests: the top module alone, its memories loaded through the register map, between AXI sources and sinks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from zeroskip.spec.config import ArrayConfig
from zeroskip.spec.cycles import Cycles
from zeroskip.spec.network import IntArray
from zeroskip.spec.program import LayerInfo, Program

from .build import build
from .run import start

TOP = "zeroskip"
"""The module under test; the file ``bench/zeroskip.vlt`` opens its ports to Python."""

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

    def to_json(self) -> dict[str, object]:
        program = self.program
        return {
            "config": program.config.to_json(), "layers": [layer.to_json() for layer in program.layers],
            "input_count": program.inputs, "output_count": program.outputs,
            "images": {name: list(words) for name, words in program.images.items()},
            "inputs": self.inputs.tolist(), "expected": self.expected.tolist(),
            "signed": self.signed, "cycles": self.cycles.to_json(),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Case:
        v: dict[str, object] = dict(values)
        program = Program(
            config=ArrayConfig.from_json(v["config"]),  # type: ignore[arg-type]
            layers=tuple(LayerInfo.from_json(layer) for layer in v["layers"]),  # type: ignore[attr-defined]
            inputs=int(v["input_count"]), outputs=int(v["output_count"]),  # type: ignore[call-overload]
            images={name: tuple(words) for name, words in v["images"].items()},  # type: ignore[attr-defined]
        )  # fmt: skip
        return cls(
            program=program, inputs=np.array(v["inputs"], dtype=np.int64), expected=np.array(v["expected"], dtype=np.int64),
            signed=bool(v["signed"]), cycles=Cycles.from_json(v["cycles"]),  # type: ignore[arg-type]
        )  # fmt: skip


def load_cases(folder: Path) -> list[Case]:
    """What :func:`run_tests` left for the bench."""
    return [Case.from_json(case) for case in json.loads((folder / CASES).read_text())]


def run_tests(
    cases: Sequence[Case], verilog: Mapping[str, str], *, simulator: str, folder: Path, seed: int, only: str = "",
    waves: bool = False,
) -> dict[str, str | None]:  # fmt: skip
    """Run :mod:`zeroskip_sim.bench.protocol` on the hardware that all ``cases`` share; per test None, or why it failed.

    only : a regular expression that chooses among the tests

    Raises MismatchError when it chooses none.
    """
    if len({case.program.config for case in cases}) != 1:
        raise ValueError("all cases must have one configuration: the hardware is built once")
    (folder / CASES).write_text(json.dumps([case.to_json() for case in cases]))
    model = build(verilog, TOP, simulator, parameters={}, waves=waves, images=False)
    environment = {"COCOTB_TEST_FILTER": only} if only else {}
    start(model, "zeroskip_sim.bench.protocol", folder, seed=seed, waves=waves, environment=environment)
    return dict(sorted(_read_results(folder / "results.xml").items()))


def _read_results(path: Path) -> dict[str, str | None]:
    results: dict[str, str | None] = {}
    for test in ElementTree.parse(path).iter("testcase"):
        if test.find("skipped") is not None:
            continue
        fault = next((part for part in test if part.tag in ("failure", "error")), None)
        results[test.get("name", "")] = None if fault is None else fault.get("message") or fault.text or fault.tag
    return results
