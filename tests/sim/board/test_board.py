"""The whole FPGA of a board, at its pins, on both simulators."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.flow.drivers.digits import ten
from tests.sim.board.cases import FAST, Case, bench_tests, case_of, designs_on_one_array, run_board
from tests.sim.networks import random_network, small_image_network

from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.config import ArrayConfig

SEED = 5
SMALL = replace(FAST, payload=128, lamps_low=False)
ARRAYS = {
    # Samples beyond the payload on the way in and on the way out, and last beats that are not full.
    "wide": (ArrayConfig(lanes=2, columns=1, word=8, stream_bits=32), (203, 9, 150), SMALL),
    # A beat is a byte.
    "bytes": (ArrayConfig(lanes=1, columns=1, word=16, stream_bits=8, weight_bits=4), (15, 12, 10), FAST),
    # Results come only for three samples together.
    "three": (ArrayConfig(lanes=3, columns=3, word=16, stream_bits=64), (9, 11, 7), FAST),
    "strips": (ArrayConfig(lanes=2, columns=3, word=16, stream_bits=16), None, FAST),
}  # fmt: skip


@cache
def cases(name: str) -> tuple[BridgeConfig, list[Case]]:
    """Two networks for one array."""
    if name == "digits":
        found = ten()
        return FAST, [case_of(design, found.x) for design in (found.first, found.second)]
    config, sizes, bridge = ARRAYS[name]
    rng = np.random.default_rng(SEED)
    networks = [
        small_image_network(rng, density, 8) if sizes is None else random_network(rng, sizes, density, config.weight_bits)
        for density in (0.6, 0.25)
    ]  # fmt: skip
    made = []
    for design in designs_on_one_array(config, networks):
        form = design.network.input
        x = rng.integers(form.low, form.high + 1, size=(9, *design.network.input_shape))
        made.append(case_of(design, (x - form.zero_point) * form.scale))
    return bridge, made


def require_passed(name: str, simulator: str, folder: Path, only: str = "") -> None:
    bridge, networks = cases(name)
    results = run_board(networks, bridge, "bench", simulator=simulator, folder=folder, seed=SEED, only=only)
    failures = [f"{test}: {fault}" for test, fault in results.items() if fault is not None]
    assert not failures, "\n".join(failures)
    assert only or len(results) == bench_tests("bench"), sorted(results)


@pytest.mark.verilator
@pytest.mark.slow
def test_ten_digits(tmp_path: Path) -> None:
    require_passed("digits", "verilator", tmp_path, only="it_starts_by_itself|broken_frames|garbage")


@pytest.mark.verilator
@pytest.mark.slow
@pytest.mark.parametrize("name", ["bytes", "three"])
def test_board(name: str, tmp_path: Path) -> None:
    require_passed(name, "verilator", tmp_path)


@pytest.mark.verilator
@pytest.mark.nightly
@pytest.mark.parametrize("name", ["wide", "strips", "digits"])
def test_other_boards(name: str, tmp_path: Path) -> None:
    require_passed(name, "verilator", tmp_path)


@pytest.mark.icarus
@pytest.mark.slow
def test_ten_digits_under_icarus(tmp_path: Path) -> None:
    require_passed("digits", "icarus", tmp_path, only="it_starts_by_itself")


@pytest.mark.icarus
@pytest.mark.nightly
@pytest.mark.parametrize("name", ARRAYS)
def test_board_under_icarus(name: str, tmp_path: Path) -> None:
    require_passed(name, "icarus", tmp_path)


@pytest.mark.verilator
def test_a_wrong_output_fails(tmp_path: Path) -> None:
    bridge, (first, second) = cases("bytes")
    spoiled = replace(
        first,
        expected=(*first.expected[:4], bytes([first.expected[4][0] ^ 1]) + first.expected[4][1:], *first.expected[5:]),
    )
    results = run_board(
        [spoiled, second],
        bridge,
        "bench",
        simulator="verilator",
        folder=tmp_path,
        seed=SEED,
        only="it_starts_by_itself",
    )
    (fault,) = results.values()
    assert fault is not None
    assert "sample 4: expected" in fault
