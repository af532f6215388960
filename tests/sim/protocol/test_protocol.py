"""The top module alone between AXI drivers, on both simulators: one sample at a time, three, and images in three strips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.elaboration import verilog_of
from tests.sim.networks import cases_on_one_array, random_network, small_image_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import MismatchError

from .cases import Case, run_tests

TESTS = {"verilator": 30, "icarus": 28}
"""In all modules of tests.sim.protocol.cases.BENCHES: a test that is not collected there must not pass here."""

ARRAYS = {
    "one": ArrayConfig(lanes=2, columns=1, word=8, stream_bits=32),
    "three": ArrayConfig(lanes=3, columns=3, word=16, stream_bits=16, weight_bits=4),
    "strips": ArrayConfig(lanes=2, columns=3, word=16, stream_bits=32),
}
SIZES = {"one": (15, 12, 10), "three": (9, 11, 7)}
"""Of the fully connected networks. Rows straddle lanes, and a sample's last beat is not full on either stream."""

SEEDS = {"one": 1, "three": 3, "strips": 4}
"""With which outputs vary."""

RUNS = [
    *(pytest.param(array, "verilator", marks=pytest.mark.verilator) for array in ARRAYS),
    *(pytest.param(array, "icarus", marks=[pytest.mark.icarus, pytest.mark.slow]) for array in ("one", "three")),
    pytest.param("strips", "icarus", marks=[pytest.mark.icarus, pytest.mark.long]),
]


@pytest.fixture(scope="module")
def cases() -> Callable[[str, int], list[Case]]:
    """``cases(array, seed)``: two networks of one shape on that array, the second with fewer weights."""

    def make(array: str, seed: int) -> list[Case]:
        config, rng = ARRAYS[array], np.random.default_rng(seed)
        densities, bits = (0.6, 0.25), config.weight_bits
        if array in SIZES:
            networks = [random_network(rng, SIZES[array], density, bits) for density in densities]
        else:
            networks = [small_image_network(rng, density, bits) for density in densities]
        return cases_on_one_array(rng, config, networks, groups=6)

    return make


def run(cases: list[Case], folder: Path, simulator: str, *, seed: int, only: str = "") -> dict[str, str | None]:
    verilog = verilog_of(cases[0].program.config).files
    return run_tests(cases, verilog, simulator=simulator, folder=folder, seed=seed, only=only)


@pytest.mark.parametrize("array, simulator", RUNS)
def test_protocol(cases: Callable[[str, int], list[Case]], array: str, simulator: str, tmp_path: Path) -> None:
    seed = SEEDS[array]
    drawn = cases(array, seed)
    assert min(len(np.unique(case.expected)) for case in drawn) >= 10, f"seed {seed}"
    results = run(drawn, tmp_path, simulator, seed=seed)
    failures = [f"{name}: {fault}" for name, fault in results.items() if fault is not None]
    assert not failures, "\n".join(failures)
    assert len(results) == TESTS[simulator], sorted(results)


@pytest.mark.verilator
def test_a_wrong_output_fails(cases: Callable[[str, int], list[Case]], tmp_path: Path) -> None:
    first, second = cases("one", 1)
    first.expected[4, 7] ^= 1
    results = run([first, second], tmp_path, "verilator", seed=1, only="with_random_pauses")
    (fault,) = results.values()
    assert fault is not None
    assert "sample 4, output 7: expected" in fault


@pytest.mark.verilator
def test_a_wrong_prediction_fails(cases: Callable[[str, int], list[Case]], tmp_path: Path) -> None:
    first, second = cases("one", 1)
    first.cycles.layers["fc1"] += 1  # type: ignore[index]
    (fault,) = run([first, second], tmp_path, "verilator", seed=1, only="at_full_speed").values()
    assert fault is not None
    assert "cycles of fc1: expected" in fault


@pytest.mark.verilator
def test_a_run_without_tests_is_refused(cases: Callable[[str, int], list[Case]], tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="no test ran"):
        run(cases("one", 1), tmp_path, "verilator", seed=1, only="no_such_test")
