"""Board tests: the whole FPGA of a board, simulated at its pins, with the images that its bitstream would hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.elaboration import board_verilog_of, verilog_of
from tests.sim.protocol.cases import read_results

from zeroskip.contracts.bridge import BOARD_TOP, BridgeConfig
from zeroskip.contracts.config import FEATURES, SIZES, ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.payload import Payload
from zeroskip.flow import Design, assemble
from zeroskip.storage.payload_folder import read_payload, write_payload
from zeroskip_sim.build import Model, build
from zeroskip_sim.run import start

PORTS = Path(__file__).with_name("zeroskip_board.vlt")
"""Opens the pins to Python under Verilator."""

PAGE = Path(__file__).parents[3] / "docs" / "boards" / "uart.md"
"""The protocol's documentation."""

CASES = "cases.json"

CLOCK_HZ = 100_000_000
"""Of the simulated oscillator: a cycle is 10 ns."""

FAST = BridgeConfig(clock_hz=CLOCK_HZ, baud=25_000_000, silence=400, patience=20_000)
"""Four clock cycles a bit, so that a byte takes as few as can be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One network, samples as bytes of the input stream, and the bytes that must come out."""

    payload: Payload
    inputs: tuple[bytes, ...]
    expected: tuple[bytes, ...]


def case_of(design: Design, x: np.ndarray[Any, Any]) -> Case:
    """``x`` : floats."""
    payload = Payload.of(design)
    inputs = payload.input.to_bytes(design.quantize_input(x))
    expected = payload.output.to_bytes(design.reference(x))
    return Case(payload=payload, inputs=tuple(inputs), expected=tuple(expected))


def designs_on_one_array(config: ArrayConfig, networks: Sequence[QuantizedNetwork]) -> list[Design]:
    """All on the same hardware, which is large enough for each."""
    needs = [assemble(network, config).config for network in networks]
    names = (*FEATURES, "table_depth", *SIZES)
    largest = {name: max(getattr(need, name) for need in needs) for name in names}
    # Deeper memories have wider fields in the headers.
    largest["mask_depth"] += 2 * largest["layer_depth"]
    return [assemble(network, replace(config, **largest)) for network in networks]


def write_cases(cases: Sequence[Case], bridge: BridgeConfig, folder: Path) -> None:
    """What a bench reads, and the images of the first network, with which the array wakes up."""
    for number, case in enumerate(cases):
        write_payload(case.payload, folder / f"network{number}", further={})
    values = {
        "bridge": asdict(bridge),
        "cases": [{name: [x.hex() for x in getattr(case, name)] for name in ("inputs", "expected")} for case in cases],
    }
    (folder / CASES).write_text(json.dumps(values))
    (folder / "images").symlink_to(folder / "network0" / "images")


def load_cases(folder: Path) -> tuple[BridgeConfig, list[Case]]:
    """What :func:`write_cases` left for the bench."""
    values = json.loads((folder / CASES).read_text())
    bridge = values["bridge"]
    return BridgeConfig(**{**bridge, "lamps": tuple(bridge["lamps"])}), [
        Case(
            payload=read_payload(folder / f"network{number}"),
            **{name: tuple(bytes.fromhex(text) for text in case[name]) for name in ("inputs", "expected")},
        )
        for number, case in enumerate(values["cases"])
    ]  # fmt: skip


def board_model(config: ArrayConfig, bridge: BridgeConfig, simulator: str, *, waves: bool = False) -> Model:
    """The compiled model of a board's FPGA."""
    sources = {**verilog_of(config).files, **board_verilog_of(config, bridge), PORTS.name: PORTS.read_text()}
    return build(sources, BOARD_TOP, simulator, parameters={}, waves=waves)


def run_board(
    cases: Sequence[Case], bridge: BridgeConfig, bench: str, *, simulator: str, folder: Path, seed: int, only: str = "",
    environment: Mapping[str, str] | None = None,
) -> dict[str, str | None]:  # fmt: skip
    """Run the tests of a bench of this folder; per test None, or why it failed. MismatchError when ``only`` chooses none."""
    write_cases(cases, bridge, folder)
    model = board_model(cases[0].payload.config, bridge, simulator)
    chosen = {"COCOTB_TEST_FILTER": only} if only else {}
    start(model, f"tests.sim.board.{bench}", folder, seed=seed, environment={**chosen, **(environment or {})})
    return dict(sorted(read_results(folder / "results.xml").items()))


def documented(who: str) -> list[bytes]:
    """The frames of the documentation's example that ``host`` or ``board`` sends."""
    return [bytes.fromhex(line) for line in re.findall(rf"^{who} +([0-9A-F ]+)$", PAGE.read_text(), re.MULTILINE)]


def bench_tests(bench: str) -> int:
    """How many tests a bench has: a test that is not collected must not pass."""
    return len(re.findall(r"^@cocotb\.test\(", Path(__file__).with_name(f"{bench}.py").read_text(), re.MULTILINE))
