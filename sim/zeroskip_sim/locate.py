"""From a trace of every computed activation to the first one that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import LayerInfo, Program


def locate(program: Program, expected: Mapping[str, IntArray], signed: Mapping[str, bool], trace: Path) -> str | None:
    """Name layer, row, column, sample, expected, got and cycle of the first activation in ``trace`` that differs; None if none does.

    expected : what each tensor must hold, (samples, channels, height, width)
    signed : by tensor, whether its activations are two's complement
    """
    samples = len(next(iter(expected.values())))
    for group, info, row, tile, cycle, data in _writes(program, trace):
        for column in range(program.config.columns):
            got = (data >> (8 * column)) & 0xFF
            if signed[info.output] and got >= 128:
                got -= 256
            tensor = expected[info.output]
            y, x = divmod(tile, tensor.shape[3])
            sample = group * (1 if info.strip else program.config.columns) + (0 if info.strip else column)
            if info.strip:
                y += column * info.strip
            if y >= tensor.shape[2]:
                continue  # below the image
            value = int(tensor[sample % samples, info.channel + info.rows[row], y, x])
            if got != value:
                place = f", position ({y}, {x})" if info.strip else ""
                return (
                    f"first wrong in layer {info.name!r}, row {info.rows[row]}, column {column}{place}, sample {sample % samples}:"
                    f" expected {value}, got {got}, cycle {cycle}"
                )
    return None


def _writes(program: Program, trace: Path) -> Iterator[tuple[int, LayerInfo, int, int, int, int]]:
    """(group, layer, row within the layer, tile, cycle, data) of every result, in order."""
    layout = Layout(program.config)
    lines = iter(trace.read_text().splitlines())
    words = iter(program.images["rows"])
    places = [
        {layout.row.decode(next(words))["place"]: row for row in range(len(info.rows))} for info in program.layers
    ]
    group = 0
    while True:
        for info, rows in zip(program.layers, places, strict=True):
            for result in range(info.tiles * len(info.rows)):
                line = next(lines, None)
                if line is None:
                    return
                cycle, place, data = line.split()
                row = rows.get(int(place, 16), 0) if "x" not in place else 0
                yield group, info, row, result // len(info.rows), int(cycle), int(data.replace("x", "0"), 16)
        group += 1
