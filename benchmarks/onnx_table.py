"""Prints the ONNX conformance tables of docs/06-operators.md: which operator tests are built, and why the others are refused.

``python benchmarks/onnx_table.py``, on the data of ``make data``. ``--integers`` adds how far the
integers are from ONNX's output, and simulates all that is built, which takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.data.folder import needed  # noqa: E402
from tests.flow.onnx_arrays import SIMULATORS, array_for, faults, shared_arrays  # noqa: E402
from tests.sw.frontend.onnx.conformance import NAMES, Case, Integers, in_integers, load  # noqa: E402

from zeroskip.contracts.config import ArrayConfig  # noqa: E402
from zeroskip.contracts.graph import Graph  # noqa: E402
from zeroskip.schedule import predict, schedule  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--integers", action="store_true")
    integers_too = parser.parse_args().integers
    folder = needed("onnx_node_tests") / "onnx_node_tests"
    cases = {name: load(folder, name) for name in NAMES}
    graphs = {name: case.captured() for name, case in cases.items()}
    print_operators(cases, graphs)
    integers = (
        {name: in_integers(cases[name], graph) for name, graph in graphs.items() if isinstance(graph, Graph)}
        if integers_too
        else {}
    )
    print_tests(graphs, integers)


def print_operators(cases: dict[str, Case], graphs: dict[str, Graph | str]) -> None:
    operators = {name: case.operator for name, case in cases.items()}
    built = Counter(operators[name] for name, graph in graphs.items() if isinstance(graph, Graph))
    print(f"{sum(built.values())} of {len(NAMES)} tests are built; the others are refused.\n")
    print("| operator | built | refused |")
    print("|---|---:|---:|")
    for operator, count in sorted(Counter(operators.values()).items()):
        print(f"| {operator} | {built[operator]} | {count - built[operator]} |")


def print_tests(graphs: dict[str, Graph | str], integers: dict[str, Integers]) -> None:
    arrays = shared_arrays(found.network for found in integers.values()) if integers else {}
    print("\n| test | outcome | from ONNX | from the rounded input | simulated |")
    print("|---|---|---:|---:|---|")
    wrong = simulated(integers, arrays)
    for name, graph in graphs.items():
        if isinstance(graph, str):
            reason = graph.partition("; supported are")[0].replace(f"model {name!r}: ", "")
            print(f"| {short(name)} | refused: {reason} | | | |")
        elif name not in integers:
            print(f"| {short(name)} | built | | | |")
        else:
            found = integers[name]
            latency = predict(schedule(found.network, arrays[array_for(found.network)])).latency
            outcome = f"yes, {latency} cycles" if wrong[name] is None else f"**DIFFERS**: {wrong[name]}"
            print(
                f"| {short(name)} | built | {found.error:.2f} | {found.error_behind_input:.2f} | {outcome} |",
                flush=True,
            )


def simulated(integers: dict[str, Integers], arrays: dict[str, ArrayConfig]) -> dict[str, str | None]:
    """By test, how its run differs from the integers or the prediction; None where it does not."""
    found: dict[str, str | None] = {}
    for simulator in sorted({SIMULATORS[name] for name in integers}):
        mine = {name: test for name, test in integers.items() if SIMULATORS[name] == simulator}
        with tempfile.TemporaryDirectory() as place:
            found |= faults(mine, arrays, simulator, Path(place))
    return found


def short(name: str) -> str:
    return name.removeprefix("test_")


if __name__ == "__main__":
    main()
