"""Single faults in the array's source, and the tests that find them: ``python -m tests.mutants.run --help``.

A fault is found if the tests and proofs of its module fail, or else the quick test of the whole array. Those that nothing can find, since
the array then does the same, stand in ``equivalent.json`` with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.mutants.faults import Fault, faults

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "hw" / "zeroskip_hw"
EQUIVALENT = Path(__file__).with_name("equivalent.json")

FOLDERS = ("activations", "control", "lane", "primitives", "results")
OWN: dict[str, tuple[str, ...]] = {
    "lane/pick.py": ("tests/hw/lane/test_pick_rows.py", "tests/hw/lane/test_fetch.py"),
    "lane/rows.py": ("tests/hw/lane/test_pick_rows.py", "tests/formal/test_rows.py"),
    "lane/unfold.py": ("tests/hw/lane/test_fetch.py",), "lane/gate.py": ("tests/formal/test_gate.py", "tests/hw/lane/test_lane.py"),
    "lane/sums.py": ("tests/formal/test_sums.py", "tests/hw/lane/test_lane.py"),
    "results/waiting.py": ("tests/formal/test_merge.py", "tests/hw/results/test_merge.py"),
    "results/adder.py": ("tests/hw/results/test_merge.py",),
    "control/registers.py": (
        "tests/formal/test_control.py", "tests/hw/control/test_registers.py", "tests/hw/control/test_registers_channels.py",
    ),
}  # fmt: skip
"""Tests of the modules whose tests are not simply called as they are."""

ARRAY = (
    "tests/hw/test_array.py", "-k",
    "strips and (residual-3-4-2 or classifier-4-8-1 or maxima-3-4-2 or functions-3-4-2 or high_windows-3-4-2 or few_weights-3-4-2)"
    " or samples and 2-1-vectors or elements and 8-64-strided",
)  # fmt: skip
"""The quick test of the whole array."""

OUT_OF_TIME = 900
"""Seconds after which a test counts as failed: a fault may keep it from its end."""


def own_tests(path: str) -> tuple[str, ...]:
    """Files of the module's tests and proofs."""
    if path in OWN:
        return OWN[path]
    folder, _, name = path.rpartition("/")
    candidates = (f"tests/hw/{folder}/test_{name}", f"tests/formal/test_{name}")
    return tuple(test for test in candidates if (ROOT / test).exists())


OF_THE_TEXT = ("-k", "not is_found")
"""Left out: tests that replace a piece of the source themselves, and fail where it is not as they expect."""


def drawn(count: int, seed: int) -> list[Fault]:
    """So many faults of the array's modules, each as likely as any other."""
    files = [path for folder in FOLDERS for path in sorted((PACKAGE / folder).glob("*.py"))]
    every = [fault for path in files for fault in faults(PACKAGE, path)]
    return sorted(random.Random(seed).sample(every, count))


def fails(fault: Fault, home: Path, tests: tuple[str, ...]) -> bool:
    """Whether one of ``tests`` fails on the hardware with the fault, which lies in ``home``."""
    path = os.pathsep.join(map(str, (home, ROOT / "sw", ROOT / "sim", ROOT)))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not long", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            timeout=OUT_OF_TIME,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1, 2):  # 2: a module that cannot even be imported
        raise RuntimeError(f"{fault.name}: pytest ended with {done.returncode}: {done.stdout.decode()[-2000:]}")
    return done.returncode != 0


def verdict(fault: Fault, equivalent: dict[str, str]) -> str:
    """``module``, ``array``, ``equivalent`` or ``alive``."""
    with tempfile.TemporaryDirectory(prefix="zeroskip-mutant-") as name:
        home = Path(name)
        shutil.copytree(PACKAGE, home / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        path = home / PACKAGE.name / fault.path
        path.write_text(fault.applied(path.read_text()))
        own = own_tests(fault.path)
        if own and fails(fault, home, (*own, *OF_THE_TEXT)):
            return "module"
        if fault.name in equivalent:
            return "equivalent"
        return "array" if fails(fault, home, ARRAY) else "alive"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="faults to draw (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="tests at a time (default 2)")
    parser.add_argument("--only", default="", help="only faults whose name has this in it")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutants.json")
    asked = parser.parse_args()
    equivalent: dict[str, str] = json.loads(EQUIVALENT.read_text())
    chosen = [fault for fault in drawn(asked.count, asked.seed) if asked.only in fault.name]
    rows = []
    begun = time.monotonic()
    with ThreadPoolExecutor(asked.workers) as pool:
        for fault, found in zip(chosen, pool.map(partial(verdict, equivalent=equivalent), chosen), strict=True):
            rows.append({**asdict(fault), "name": fault.name, "found_by": found})
            print(
                f"{len(rows):4} of {len(chosen)}  {time.monotonic() - begun:6.0f} s  {found:<10}  {fault.path}:{fault.line}  {fault.name}",
                flush=True,
            )
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"count": asked.count, "seed": asked.seed, "faults": rows}, indent=1) + "\n")
    counts = Counter(row["found_by"] for row in rows)
    print(", ".join(f"{counts[what]} {words}" for what, words in (
        ("module", "found by their module's tests"), ("array", "by the array's"), ("equivalent", "equivalent"), ("alive", "not found"),
    )))  # fmt: skip
    return int(counts["alive"] > 0)


if __name__ == "__main__":
    sys.exit(main())
