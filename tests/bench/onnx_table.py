"""Prints the ONNX conformance table of docs/06-operators.md: which operator tests are built, and why the others are refused.

``python tests/bench/onnx_table.py``, with ZEROSKIP_DATA at the folder that holds onnx_node_tests.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from tests.sw.frontend.conformance import NAMES, load  # noqa: E402


def main() -> None:
    folder = Path(os.environ.get("ZEROSKIP_DATA") or REPOSITORY / "../shared/data") / "onnx_node_tests"
    built: dict[str, int] = defaultdict(int)
    refused: dict[tuple[str, str], list[str]] = defaultdict(list)
    operators = []
    for name in NAMES:
        case = load(folder, name)
        operators.append(case.operator)
        graph = case.captured()
        if isinstance(graph, str):
            reason = graph.partition("; supported are")[0].replace(f"model {name!r}: ", "")
            refused[case.operator, reason].append(name.removeprefix("test_"))
        else:
            built[case.operator] += 1
    print(f"{sum(built.values())} of {len(NAMES)} tests are built and give ONNX's output; the others are refused.\n")
    print("| operator | built | refused |")
    print("|---|---:|---:|")
    for operator in sorted(set(operators)):
        count = sum(len(names) for (of, _), names in refused.items() if of == operator)
        print(f"| {operator} | {built[operator]} | {count} |")
    print("\n| refused tests | the refusal |")
    print("|---|---|")
    for (_, reason), names in sorted(refused.items()):
        print(f"| {', '.join(names)} | {reason} |")


if __name__ == "__main__":
    main()
