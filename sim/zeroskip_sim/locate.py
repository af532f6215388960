"""From a trace of every computed activation to the first one that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zeroskip.contracts.network import IntArray
from zeroskip.contracts.program import LayerInfo, Program


def locate(program: Program, expected: Mapping[str, IntArray], signed: Mapping[str, bool], trace: Path) -> str | None:
    """Name layer, row, column, sample, expected, got and cycle of the first activation in ``trace`` that differs; None if none does.

    expected : what each tensor must hold, (samples, channels, height, width)
    signed : by tensor, whether its activations are two's complement
    """
    samples = len(next(iter(expected.values())))
    for group, info, row, tile, cycle, data in _results(program, trace):
        for column in range(program.config.columns):
            got = (data >> (8 * column)) & 0xFF
            if signed[info.output] and got >= 128:
                got -= 256
            tensor = expected[info.output]
            y, x = divmod(tile, tensor.shape[3])
            sample = group * (1 if program.config.strips else program.config.columns) + (
                0 if program.config.strips else column
            )
            if program.config.strips:
                y += column * info.strip
            if y >= tensor.shape[2]:
                continue  # below the image
            value = int(tensor[sample % samples, info.channel + row, y, x])
            if got != value:
                place = f", position ({y}, {x})" if tensor.shape[2:] != (1, 1) else ""
                return (
                    f"first wrong in layer {info.name!r}, row {row}, column {column}{place}, sample {sample % samples}:"
                    f" expected {value}, got {got}, cycle {cycle}"
                )
    return None


def _results(program: Program, trace: Path) -> Iterator[tuple[int, LayerInfo, int, int, int, int]]:
    """(group, layer, row, tile, cycle, data) of every result, in order."""
    lines = iter(trace.read_text().splitlines())
    width = 8 * program.config.columns
    group = 0
    while True:
        for info in program.layers:
            for tile in range(info.tiles):
                for bundle in info.bundles:
                    line = next(lines, None)
                    if line is None:
                        return
                    cycle, word = line.split()
                    data = int(word.replace("x", "0"), 16)
                    for epilogue, row in enumerate(bundle):
                        if row >= 0:
                            yield group, info, row, tile, int(cycle), data >> (width * epilogue) & ((1 << width) - 1)
        group += 1
