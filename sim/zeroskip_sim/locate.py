"""From a trace of every computed activation to the first one that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from zeroskip.spec.layout import Layout
from zeroskip.spec.network import IntArray
from zeroskip.spec.program import Program


def locate(program: Program, layers: Sequence[IntArray], signed: Sequence[bool], trace: Path) -> str | None:
    """Name layer, row, column, sample, expected, got and cycle of the first activation in ``trace`` that differs; None if none does.

    layers : what each layer must give, (samples, outputs of the captured layer)
    signed : per layer, whether its activations are two's complement
    """
    columns, samples = program.config.columns, len(layers[0])
    for group, layer, row, cycle, data in _writes(program, trace):
        info = program.layers[layer]
        for column in range(columns):
            got = (data >> (8 * column)) & 0xFF
            if signed[layer] and got >= 128:
                got -= 256
            sample = (group * columns + column) % samples
            expected = int(layers[layer][sample, info.rows[row]])
            if got != expected:
                return (
                    f"first wrong in layer {info.name!r}, row {info.rows[row]}, column {column}, sample {sample}:"
                    f" expected {expected}, got {got}, cycle {cycle}"
                )
    return None


def _writes(program: Program, trace: Path) -> Iterator[tuple[int, int, int, int, int]]:
    """(group, layer, row within the layer, cycle, data) of every write, in order."""
    layout = Layout(program.config)
    lines = iter(trace.read_text().splitlines())
    first_rows = [0]
    for info in program.layers:
        first_rows.append(first_rows[-1] + len(info.rows))
    offsets = [layout.program.decode(word)["offset"] for word in program.images["program"]]
    group = 0
    while True:
        for layer, info in enumerate(program.layers):
            for _ in info.rows:
                line = next(lines, None)
                if line is None:
                    return
                cycle, address, data = line.split()
                row = (int(address, 16) - offsets[layer] - first_rows[layer]) % (1 << layout.store_bits)
                if row >= len(info.rows) or "x" in data:
                    row = min(row, len(info.rows) - 1)
                    data = data.replace("x", "0")
                yield group, layer, row, int(cycle), int(data, 16)
        group += 1
