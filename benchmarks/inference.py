"""Prints the table of docs/netlist.md: block RAMs and multipliers that Yosys' families make of two small arrays.

``python benchmarks/inference.py``; some minutes.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.hw.inference import ARRAYS, FAMILIES, inferred  # noqa: E402


def main() -> None:
    kinds = ("block RAMs", "multipliers")
    print("| parts | command | " + " | ".join(f"{array}: {kind}" for array in ARRAYS for kind in kinds) + " |")
    print("|---|---|" + "---|" * (2 * len(ARRAYS)))
    for name, family in FAMILIES.items():
        row = [family.parts, f"`{family.command}`"]
        for array in ARRAYS:
            with tempfile.TemporaryDirectory() as folder:
                cells = inferred(array, name, Path(folder))
            row += [matching(cells, pattern) for pattern in (family.block_rams, family.multipliers)]
        print(f"| {' | '.join(row)} |", flush=True)


def matching(cells: dict[str, int], pattern: str) -> str:
    return " + ".join(f"{count} {cell}" for cell, count in cells.items() if re.fullmatch(pattern, cell))


if __name__ == "__main__":
    main()
