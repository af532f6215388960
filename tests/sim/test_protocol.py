"""The top module alone between AXI drivers, on both simulators, with one sample at a time and with three."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.sim.networks import cases_on_one_array

from zeroskip.spec.config import ArrayConfig
from zeroskip.spec.errors import MismatchError
from zeroskip_hw.verilog import generate
from zeroskip_sim.protocol import Case, run_tests

TESTS = 15
"""In both modules of zeroskip_sim.protocol.BENCHES: a test that is not collected there must not pass here."""

SHAPES = {
    1: (ArrayConfig(lanes=2, columns=1, word=8, stream_bits=32), (15, 12, 10)),
    3: (ArrayConfig(lanes=3, columns=3, word=16, stream_bits=16, weight_bits=4), (9, 11, 7)),
}
"""By columns. Rows straddle lanes, and a sample's last beat is not full on either stream."""

BOTH = [pytest.param("verilator", marks=pytest.mark.verilator), pytest.param("icarus", marks=pytest.mark.icarus)]


@pytest.fixture(scope="module")
def cases() -> Callable[[int, int], list[Case]]:
    """``cases(columns, seed)``: one network and the same pruned further, on the array with so many columns."""

    def make(columns: int, seed: int) -> list[Case]:
        config, sizes = SHAPES[columns]
        return cases_on_one_array(np.random.default_rng(seed), config, sizes, densities=(0.6, 0.25), groups=6)

    return make


def run(cases: list[Case], folder: Path, simulator: str, *, seed: int, only: str = "") -> dict[str, str | None]:
    verilog = generate(cases[0].program.config).files
    return run_tests(cases, verilog, simulator=simulator, folder=folder, seed=seed, only=only)


@pytest.mark.slow
@pytest.mark.parametrize("simulator", BOTH)
@pytest.mark.parametrize("columns", SHAPES)
def test_protocol(cases: Callable[[int, int], list[Case]], columns: int, simulator: str, tmp_path: Path) -> None:
    results = run(cases(columns, columns), tmp_path, simulator, seed=columns)
    failures = [f"{name}: {fault}" for name, fault in results.items() if fault is not None]
    assert not failures, "\n".join(failures)
    assert len(results) == TESTS, sorted(results)


@pytest.mark.verilator
def test_a_wrong_output_fails(cases: Callable[[int, int], list[Case]], tmp_path: Path) -> None:
    first, second = cases(1, 1)
    first.expected[4, 7] ^= 1
    results = run([first, second], tmp_path, "verilator", seed=1, only="with_random_pauses")
    (fault,) = results.values()
    assert fault is not None
    assert "sample 4, output 7: expected" in fault


@pytest.mark.verilator
def test_a_wrong_prediction_fails(cases: Callable[[int, int], list[Case]], tmp_path: Path) -> None:
    first, second = cases(1, 1)
    first.cycles.layers["fc1"] += 1  # type: ignore[index]
    (fault,) = run([first, second], tmp_path, "verilator", seed=1, only="at_full_speed").values()
    assert fault is not None
    assert "cycles of fc1: expected" in fault


@pytest.mark.verilator
def test_a_run_without_tests_is_refused(cases: Callable[[int, int], list[Case]], tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="no test ran"):
        run(cases(1, 1), tmp_path, "verilator", seed=1, only="no_such_test")
