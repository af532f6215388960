"""Print and record the figures that the documentation quotes: ``python benchmarks/run.py --help``.

Every line is measured on the code as it is: cycles by simulating the Verilog, areas by yosys and nextpnr. Results go to build/bench.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the networks are those of the tests

import cnn
import compiling
from networks import SEED, checked, compiled, convolutional, fully_connected

import zeroskip as zs
from zeroskip import demo
from zeroskip.cli import tables
from zeroskip.synth.flow import LANES as LANES_APART

SPARSITIES = (0.5, 0.75, 0.9, 0.95)
ROWS, COLUMNS, LANES = 256, 1152, 16

LARGE = (
    zs.ArrayConfig(lanes=8, columns=8, block_queue=True, two_level=False),
    zs.ArrayConfig(lanes=16, columns=8, two_level=False),
)
"""Arrays for ResNet-8 that are placed."""


def random_layer(sparsity: float, rows: int, columns: int, config: zs.ArrayConfig) -> tuple[zs.Design, np.ndarray]:
    """A linear layer with exactly ⌊s·n⌋ weights removed at random, and inputs for it."""
    generator = torch.Generator().manual_seed(SEED)
    layer = nn.Linear(columns, rows)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(rows, columns, generator=generator).clamp(0.05, None))
    count = rows * columns
    removed = torch.randperm(count, generator=generator)[: int(sparsity * count)]
    mask = torch.ones(count, dtype=torch.bool)
    mask[removed] = False
    x = np.random.default_rng(SEED).normal(size=(8, columns))
    masks = {"weight": mask.reshape(rows, columns)}
    return zs.compile(layer, torch.zeros(1, columns), calibration=x, masks=masks, config=config), x


def layers(progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Utilisation, speed-up over the same array dense, and storage, of random layers; one RTL build serves all."""
    sizes = [
        random_layer(sparsity, ROWS, COLUMNS, zs.ArrayConfig(lanes=LANES))[0].config.to_json()
        for sparsity in SPARSITIES
    ]
    config = zs.ArrayConfig(**{name: max(size[name] for size in sizes) for name in sizes[0]})
    rows = []
    for sparsity in SPARSITIES:
        design, x = random_layer(sparsity, ROWS, COLUMNS, config)
        checked(design, x, progress)
        summary = design.summary
        rows.append({
            "sparsity": sparsity, "nonzeros": summary.total.nnz, "cycles": summary.total.cycles,
            "utilisation": summary.total.utilisation, "speed_up": summary.total.speed_up, "dense_cycles": summary.total.dense_cycles,
            "stored_bits": summary.total.stored_bits, "bound_bits": summary.total.bound_bits, "dense_bits": summary.dense_bits,
            "stored_over_bound": summary.total.stored_bits / summary.total.bound_bits,
        })  # fmt: skip
    tables.out.print(
        tables.NumberTable(
            f"Random {ROWS}×{COLUMNS} layer, {LANES} lanes, predicted = simulated cycles",
            ["sparsity", "nonzero", "cycles", "dense", "speed-up", "MAC use", "stored bits", "÷ entropy bound", "÷ dense"],
            [
                [
                    f"{r['sparsity']:.0%}", f"{r['nonzeros']:,}", f"{r['cycles']:,}", f"{r['dense_cycles']:,}", f"{r['speed_up']:.2f}×",
                    f"{r['utilisation']:.3f}", f"{r['stored_bits']:,}", f"{r['stored_over_bound']:.3f}",
                    f"{r['stored_bits'] / r['dense_bits']:.3f}",
                ]
                for r in rows
            ],
        )
    )  # fmt: skip
    return rows


def networks(progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Fully connected networks, each simulated on real or random inputs."""
    rows = []
    for case in fully_connected():
        run = checked(case.design, case.x, progress)
        summary = case.design.summary
        rows.append({
            "network": case.name, "lanes": case.design.config.lanes, "weights": summary.total.weights, "nonzeros": summary.total.nnz,
            "latency": summary.latency, "interval": summary.interval, "dense_interval": summary.dense_interval,
            "samples": len(case.x), "clock_cycles": run.clock_cycles, "quality": case.quality(run),
        })  # fmt: skip
    tables.out.print(
        tables.NumberTable(
            "Fully connected networks, RTL = reference on every sample",
            ["network", "lanes", "weights", "nonzero", "latency", "interval", "dense", "speed-up", "samples", "quality"],
            [
                [
                    r["network"], str(r["lanes"]), f"{r['weights']:,}", f"{r['nonzeros']:,}", f"{r['latency']:,}", f"{r['interval']:,}",
                    f"{r['dense_interval']:,}", f"{r['dense_interval'] / r['interval']:.1f}×", f"{r['samples']:,}", r["quality"],
                ]
                for r in rows
            ],
        )
    )  # fmt: skip
    return rows


def simulation(progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Clock cycles simulated per second on a small array, start-up and comparison included."""
    rows = []
    for simulator, samples in (("verilator", 4000), ("icarus", 20)):
        design, x = random_layer(0.9, 64, 256, zs.ArrayConfig(lanes=2))
        inputs = np.resize(x, (samples, 256))
        try:
            checked(design, inputs[:5], progress, simulator)  # compile first
        except zs.ZeroskipError as error:
            tables.out.print(f"{simulator}: not measured: {error}")
            continue
        run = checked(design, inputs, progress, simulator)
        rows.append({
            "simulator": simulator, "clock_cycles": run.clock_cycles, "seconds": run.seconds,
            "cycles_per_second": run.clock_cycles / run.seconds,
        })  # fmt: skip
    tables.out.print(
        tables.NumberTable(
            "Simulation of a 2-lane array in cocotb",
            ["simulator", "clock cycles", "seconds", "cycles/s"],
            [
                [r["simulator"], f"{r['clock_cycles']:,}", f"{r['seconds']:.2f}", f"{r['cycles_per_second']:,.0f}"]
                for r in rows
            ],
        )
    )
    return rows


def synthesis(progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Arrays on ECP5-85k: LUT4 inside a lane, of the whole, and the median Fmax of three placements; the large ones take hours.

    4 × 1 for the demo's network, whose mask memories fit the block RAM's own depth, and for a layer so large that memories are built of
    several in depth, with multiplexers behind them. 8 × 8 and 16 × 8 for ResNet-8.
    """
    digits = demo.Digits.load()
    model, masks, _ = demo.train(digits, SEED, progress)
    config = zs.ArrayConfig(lanes=4)
    small = zs.compile(model, digits.train_x[:1], calibration=digits.train_x, masks=masks, config=config)
    cases = [
        ("digits 64-256-128-10", small),
        (f"random {ROWS}×{COLUMNS} at 90 %", random_layer(0.9, ROWS, COLUMNS, config)[0]),
    ]
    if real := next((network for name, _, network in convolutional() if name == cnn.DETAILED), None):
        cases.extend((f"{cnn.DETAILED} at {cnn.SPARSITY:.0%}", compiled(real, cnn.SPARSITY, array)) for array in LARGE)
    reports = []
    for number, (name, design) in enumerate(cases):
        report = zs.synthesise(
            design.save(f"build/bench-ecp5-{number}"),
            "ecp5-85k",
            seeds=(1, 2, 3),
            keep=f"{LANES_APART}|zs_merge",
            progress=progress,
        )
        array = f"{design.config.lanes} lanes × {design.config.columns} columns"
        tables.out.print(tables.pairs([(array, name), *report.rows()]), "")
        reports.append({"network": name, "array": array, **report.to_json()})
    return reports


PARTS: dict[str, Callable[[Callable[[str], None]], Any]] = {
    "layers": layers, "networks": networks, "cnn": cnn.measure, "compiling": compiling.measure, "simulation": simulation, "synthesis": synthesis,
}  # fmt: skip


def main() -> None:
    """Run the parts that were asked for and merge them into the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench.json"), help="JSON file; parts not run keep their figures"
    )
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {sorted(unknown)[0]!r}; allowed are {', '.join(PARTS)}")
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    results["machine"] = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    with tables.progress() as progress:
        for name in options.parts or PARTS:
            results[name] = PARTS[name](progress)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(results, indent=1) + "\n")
    tables.out.print(f"written to {options.out}")


if __name__ == "__main__":
    main()
