"""Several runs in one process: each gives what it gives alone, and what is wrong with one is said of that one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.elaboration import verilog_of
from tests.sim.networks import random_network
from tests.sim.packed import Packed, both_modes, fault, packed, require_exact

from zeroskip.contracts.config import ArrayConfig
from zeroskip_sim.request import Request, Run
from zeroskip_sim.run import run, run_all

ARRAY = ArrayConfig(
    lanes=2, columns=1, word=8, stream_bits=32, load_elements=1, reach=1, acc_bits=26, pixel_bits=3, tile_bits=1, strips=False, maximum=False,
    residual=False, slopes=False, two_level=False, across=False, table_depth=0, mask_depth=120, weight_depth=250, input_depth=30,
    hidden_depth=30, output_depth=15, row_depth=40, layer_depth=3, tap_depth=40, band_depth=3, pass_depth=3, input_row_depth=1,
    channel_depth=15,
)  # fmt: skip

BOTH = [pytest.param("verilator", marks=pytest.mark.verilator), pytest.param("icarus", marks=pytest.mark.icarus)]


@pytest.fixture
def two(tmp_path: Path) -> list[Packed]:
    """Two networks of one shape, the second with fewer weights."""
    rng = np.random.default_rng(1)
    found = []
    for name, density in (("first", 0.6), ("second", 0.25)):
        network = random_network(rng, (15, 12, 10), density, ARRAY.weight_bits)
        x = rng.integers(network.input.low, network.input.high + 1, size=(6, 15))
        found.append(packed(network, ARRAY, x, tmp_path / name))
    return found


def written(request: Request) -> Mapping[str, str]:
    return {name: (request.folder / name).read_text() for name in ("outputs.txt", "counters.txt", "result.json")}


@pytest.mark.parametrize("simulator", BOTH)
def test_each_run_of_several_is_the_run_alone(two: list[Packed], simulator: str) -> None:
    """To the last clock cycle, whatever the runs before it left; one of them is reset in mid-run, two are given up."""
    first, second = two
    cases = [
        (second, second.request(5, folder=second.folder / "a")),
        (first, first.request(6, stalls=True, folder=first.folder / "b")),
        (first, given_up(first.request(7, folder=first.folder / "c"), after=200)),
        (first, first.request(8, reset_at=90, folder=first.folder / "d")),
        (second, given_up(second.request(9, stalls=True, folder=second.folder / "e"), after=80)),
        (second, second.request(10, stalls=True, reset_at=150, folder=second.folder / "f")),
    ]
    results = run_all([request for _, request in cases], verilog_of(ARRAY).files, simulator=simulator)
    faults = [fault(it, request, result) for (it, request), result in zip(cases, results, strict=True)]
    assert faults == [
        None, None, f"{simulator}, seed 7: the array did not deliver 6 samples within 200 cycles",
        None, f"{simulator}, seed 9, with stalls: the array did not deliver 6 samples within 80 cycles", None,
    ]  # fmt: skip
    for (_, request), result in zip(cases, results, strict=True):
        if isinstance(result, Run):
            files = written(request)
            alone = run(request, verilog_of(ARRAY).files, simulator=simulator)
            assert (alone.cycles, alone.clock_cycles) == (result.cycles, result.clock_cycles)
            assert written(request) == files


def given_up(request: Request, *, after: int) -> Request:
    """Before it can end."""
    return replace(request, most_cycles=(after - 50_000) // (20 * request.groups))


@pytest.mark.parametrize("simulator", BOTH)
def test_no_memory_keeps_what_a_run_before_left(two: list[Packed], simulator: str) -> None:
    """Not even where an image says nothing: the same run is wrong without its weights."""
    first, _ = two
    bare = packed(first.network, ARRAY, first.x, first.folder.parent / "bare")
    (bare.folder / "images" / "lane01.weights.mem").write_text("\n")
    requests = [first.request(1), bare.request(1)]
    right, wrong = run_all(requests, verilog_of(ARRAY).files, simulator=simulator)
    assert fault(first, requests[0], right) is None
    assert "expected" in (fault(bare, requests[1], wrong) or "")


@pytest.mark.icarus
def test_a_fault_names_network_seed_and_mode(two: list[Packed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEROSKIP_WAVES", "1")
    _, second = two
    second.y[3, 4] ^= 1
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    cases = [(it, rng, f"network {number}") for number, (it, rng) in enumerate(zip(two, rngs, strict=True))]
    requests = both_modes(second, np.random.default_rng(2))
    with pytest.raises(AssertionError) as caught:
        require_exact(cases, "icarus")
    lines = [line for line in str(caught.value).splitlines() if line.startswith("network")]
    assert len(lines) == 2
    for line, request in zip(lines, requests, strict=True):
        assert line.startswith(
            f"network 1, 6 samples, icarus, {request.name}: sample 3, output 4: expected {second.y[3, 4]}"
        )
        assert f"alone ({request.folder}): sample 3, output 4" in line
        assert (request.folder / "waves.vcd").exists()


@pytest.mark.icarus
@pytest.mark.parametrize(
    "port, value, line",
    [
        ("groups", "32'd5", "GROUPS reads 5 at the end, expected 6"),
        ("busy", "1'b1", "STATUS reads 0x7 at the end, expected 0x3: RUNNING and READY, not BUSY"),
        ("ready", "1'b0", "STATUS reads 0x1 at the end, expected 0x3: RUNNING and READY, not BUSY"),
    ],
)
def test_registers_at_the_end_are_checked(two: list[Packed], port: str, value: str, line: str) -> None:
    """The control is told something else than the array says."""
    text = dict(verilog_of(ARRAY).files)
    before, instance, after = text["zeroskip_core.v"].partition("  zs_control control (\n")
    changed = re.sub(rf"\.{port}\(\w+\)", f".{port}({value})", after, count=1)
    assert changed != after
    result = run(two[0].request(1), {**text, "zeroskip_core.v": before + instance + changed}, simulator="icarus")
    assert result.difference is None
    assert result.registers == line


def test_runs_of_several_arrays_are_refused(two: list[Packed], tmp_path: Path) -> None:
    other = packed(two[0].network, replace(ARRAY, word=16), two[0].x, tmp_path / "other")
    with pytest.raises(ValueError, match=r"^all runs must have one configuration"):
        run_all([two[0].request(1), other.request(1)], verilog_of(ARRAY).files)


def test_a_folder_that_the_bench_cannot_name_is_refused(two: list[Packed]) -> None:
    for name in ("a b", "a" * 64):
        with pytest.raises(ValueError, match="must have at most 63 characters and no space"):
            run_all([two[0].request(1), two[1].request(1, folder=two[1].folder / name)], verilog_of(ARRAY).files)
