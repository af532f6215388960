"""The ONNX operator tests in integers, and on the array.

The integer network is calibrated with the test's own input. Its output must match the one that ONNX expects within one step of the
output's format, and the float graph's on the input as it was rounded to 8 bits, too. Where ONNX's output is integers, they must be equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.flow.onnx_arrays import SIMULATORS, faults, shared_arrays
from tests.sw.frontend.onnx.conformance import ACCEPTED, Case, Integers, in_integers, load

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import Graph

ICARUS_TOO = (
    "test_constant_pad",
    "test_gemm_beta",
    "test_leakyrelu",
    "test_maxpool_2d_dilations",
    "test_sigmoid_example",
)
"""Small ones of each kind of layer."""

RUNS = [*SIMULATORS.items(), *((name, "icarus") for name in ICARUS_TOO)]


@dataclass(frozen=True, eq=False)
class Accepted:
    case: Case
    graph: Graph
    integers: Integers


@pytest.fixture(scope="module")
def accepted(require_data: Callable[[str], Path]) -> Mapping[str, Accepted]:
    folder = require_data("onnx_node_tests")
    found = {}
    for name in ACCEPTED:
        case = load(folder, name)
        graph = case.captured()
        assert isinstance(graph, Graph), graph
        found[name] = Accepted(case, graph, in_integers(case, graph))
    return found


@pytest.fixture(scope="module")
def arrays(accepted: Mapping[str, Accepted]) -> dict[str, ArrayConfig]:
    return shared_arrays(test.integers.network for test in accepted.values())


# --- integer reference ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACCEPTED)
def test_integers_match_onnx(accepted: Mapping[str, Accepted], name: str) -> None:
    case, integers = accepted[name].case, accepted[name].integers
    assert integers.error <= 1.0, f"{integers.error} output steps from ONNX's output"
    assert integers.error_behind_input <= 1.0, f"{integers.error_behind_input} output steps behind the input's rounding"
    for stored, given in ((integers.x, case.x), (integers.y, case.y)):
        if given.dtype.kind != "f":
            np.testing.assert_array_equal(stored, given)


# --- RTL --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated(
    accepted: Mapping[str, Accepted], arrays: Mapping[str, ArrayConfig], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Mapping[str, str | None]]:
    """What is wrong with the run of each test in that simulator, all of them made the first time it is asked."""

    def made(simulator: str) -> Mapping[str, str | None]:
        tests = {name: accepted[name].integers for name, where in RUNS if where == simulator}
        return faults(tests, arrays, simulator, tmp_path_factory.mktemp(simulator))

    return cache(made)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, simulator",
    [pytest.param(name, simulator, marks=getattr(pytest.mark, simulator)) for name, simulator in RUNS],
)
def test_rtl_equals_the_integers(
    simulated: Callable[[str], Mapping[str, str | None]], name: str, simulator: str
) -> None:
    found = simulated(simulator)[name]
    assert found is None, found
