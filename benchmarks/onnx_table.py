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

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.data.folder import needed  # noqa: E402
from tests.flow.onnx_arrays import SIMULATORS, array_for, shared_arrays, simulate  # noqa: E402
from tests.sw.frontend.onnx.conformance import NAMES, Case, Integers, in_integers, load  # noqa: E402

from zeroskip.contracts.graph import Graph  # noqa: E402


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
    for seed, (name, graph) in enumerate(graphs.items(), 1):
        if isinstance(graph, str):
            reason = graph.partition("; supported are")[0].replace(f"model {name!r}: ", "")
            print(f"| {short(name)} | refused: {reason} | | | |")
        elif name not in integers:
            print(f"| {short(name)} | built | | | |")
        else:
            found = integers[name]
            array = array_for(found.network)
            with tempfile.TemporaryDirectory() as place:
                run, cycles = simulate(found, arrays[array], SIMULATORS[name], seed, Path(place))
            equal = np.array_equal(run.outputs, found.y) and run.difference is None and run.cycles == cycles
            outcome = f"yes, {run.cycles.latency} cycles" if equal and run.errors == 0 else "**DIFFERS**"
            print(
                f"| {short(name)} | built | {found.error:.2f} | {found.error_behind_input:.2f} | {outcome} |",
                flush=True,
            )


def short(name: str) -> str:
    return name.removeprefix("test_")


if __name__ == "__main__":
    main()
