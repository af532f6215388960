"""Convolutional networks: cycles layer by layer against the least that their nonzeros could take, and whole networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from networks import checked, compiled, convolutional
from tests.networks.network import RealNetwork, Source

import zeroskip as zs
from zeroskip.cli import tables

SPARSITY = 0.8
DETAILED = "ResNet-8"
"""The network whose layers are shown."""

TARGET = 1.2
"""Cycles of a whole network, streaming included, against the ideal."""


def measure(progress: Callable[[str], None]) -> dict[str, Any]:
    """Every network at SPARSITY, simulated; the accuracies are those of the networks unpruned, as there is no fine-tuning."""
    networks, layers, accuracies = [], [], []
    for name, source, network in convolutional():
        config = source.config
        design = compiled(network, SPARSITY, config)
        networks.append(_network(name, design, source, checked(design, network.inputs[: source.samples], progress)))
        if name == DETAILED:
            layers = _layers(design)
            _print_layers(layers, networks[-1])
        if network.labels is not None:
            accuracies.append(_accuracy(name, network, config))
    _print_networks(networks)
    _print_accuracies(accuracies)
    return {"sparsity": SPARSITY, "layers": layers, "networks": networks, "accuracies": accuracies}


def _layers(design: zs.Design) -> list[dict[str, Any]]:
    """Per layer; ``ideal`` is ⌈nonzeros · output pixels ÷ (lanes · columns)⌉, explicit zeros and rows that were dropped not counted."""
    macs = design.config.lanes * design.config.columns
    outputs = {layer.name: layer.output for layer in design.network.layers}
    rows = []
    for layer in design.summary.layers:
        pixels = math.prod(design.network.shapes[outputs[layer.name]][1:])
        nonzeros = min(layer.nnz, layer.kept)
        ideal = -(-nonzeros * pixels // macs)
        rows.append({
            "layer": layer.name, "nonzeros": nonzeros, "pixels": pixels, "ideal": ideal, "cycles": layer.cycles,
            "over_ideal": layer.cycles / max(1, ideal), "dense_cycles": layer.dense_cycles, "speed_up": layer.speed_up,
        })  # fmt: skip
    return rows


def _network(name: str, design: zs.Design, source: Source, run: zs.Simulation) -> dict[str, Any]:
    """``dense_interval`` is that of the same array with every weight kept."""
    rows, summary = _layers(design), design.summary
    ideal = sum(row["ideal"] for row in rows)
    return {
        "network": name, "lanes": source.lanes, "columns": source.columns, "epilogues": source.epilogues, "weights": summary.total.weights,
        "nonzeros": sum(row["nonzeros"] for row in rows), "ideal": ideal, "compute": design.cycles.compute,
        "dense_compute": design.dense_cycles.compute, "latency": summary.latency, "interval": summary.interval,
        "dense_interval": summary.dense_interval, "latency_over_ideal": summary.latency / ideal,
        "interval_over_ideal": summary.interval / ideal, "speed_up": summary.dense_interval / summary.interval,
        "over_bound": summary.total.stored_bits / summary.total.bound_bits, "samples": len(run.outputs), "clock_cycles": run.clock_cycles, "seconds": run.seconds,
    }  # fmt: skip


def _accuracy(name: str, network: RealNetwork, config: zs.ArrayConfig) -> dict[str, Any]:
    integers = compiled(network, 0, config).reference(network.inputs)
    return {
        "network": name, "samples": len(network.inputs), "float": network.accuracy(network.float_outputs()),
        "integer": network.accuracy(integers),
    }  # fmt: skip


def _print_layers(layers: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    def row(name: str, nonzeros: int, pixels: str, ideal: int, cycles: int, dense: int) -> list[str]:
        ratio, speed_up = cycles / max(1, ideal), dense / cycles
        return [
            name, f"{nonzeros:,}", pixels, f"{ideal:,}", f"{cycles:,}", f"{ratio:.3f}", f"{dense:,}", f"{speed_up:.2f}×",
        ]  # fmt: skip

    lines = [
        row(r["layer"], r["nonzeros"], f"{r['pixels']:,}", r["ideal"], r["cycles"], r["dense_cycles"]) for r in layers
    ]
    total = row("all layers", whole["nonzeros"], "", whole["ideal"], whole["compute"], whole["dense_compute"])
    tables.out.print(
        tables.NumberTable(
            f"{DETAILED} at {SPARSITY:.0%}, {whole['lanes']} lanes × {whole['columns']} columns, predicted = simulated cycles",
            ["layer", "nonzero", "pixels", "ideal", "cycles", "÷ ideal", "dense", "speed-up"],
            [*lines, total],
            last_is_total=True,
        )
    )
    tables.out.print(
        f"with input and output: latency {whole['latency']:,} = {whole['latency_over_ideal']:.3f} · ideal, "
        f"interval {whole['interval']:,} = {whole['interval_over_ideal']:.3f} · ideal (target {TARGET})",
        "",
    )


def _print_networks(rows: list[dict[str, Any]]) -> None:
    tables.out.print(
        tables.NumberTable(
            f"Convolutional networks at {SPARSITY:.0%}, RTL = reference on every sample",
            ["network", "array", "nonzero", "ideal", "latency", "interval", "÷ ideal", "dense", "speed-up", "bits ÷ bound", "samples"],
            [
                [
                    r["network"], f"{r['lanes']}×{r['columns']}×{r['epilogues']}", f"{r['nonzeros']:,}", f"{r['ideal']:,}", f"{r['latency']:,}",
                    f"{r['interval']:,}", f"{r['interval_over_ideal']:.3f}", f"{r['dense_interval']:,}", f"{r['speed_up']:.2f}×",
                    f"{r['over_bound']:.3f}", f"{r['samples']:,}",
                ]
                for r in rows
            ],
        )
    )  # fmt: skip


def _print_accuracies(rows: list[dict[str, Any]]) -> None:
    tables.out.print(
        tables.NumberTable(
            "Accuracy unpruned, 8-bit weights and activations",
            ["network", "samples", "float", "integer"],
            [[r["network"], f"{r['samples']:,}", f"{r['float']:.2f} %", f"{r['integer']:.2f} %"] for r in rows],
        )
    )
