"""Reports for people: aligned tables, and progress on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from zeroskip.explore.fit import Fit
from zeroskip.schedule import Memory
from zeroskip.summary import LayerSummary, Summary

if TYPE_CHECKING:
    from zeroskip.explore.comparison import Row

PIPE_WIDTH = 120
"""Width in characters of a table that goes to a file or pipe, which has no width of its own."""

KEY_LEAST = 6
"""Width that a name column may have beyond its share: a third of the table's width, divided by the name columns. Longer names fold."""

UNLIMITED = 10_000
"""A width in which every table fits, to measure it."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
log = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A line that always shows the running step. On a pipe each step is one line."""
    if not sys.stderr.isatty():
        yield lambda message: log.print(f"… {message}")
        return
    with log.status("starting") as status:

        def show(message: str) -> None:
            log.print(f"[dim]✓ {status.status}[/dim]") if status.status != "starting" else None
            status.update(message)

        yield show


@dataclass(frozen=True)
class NumberTable:
    """A table that is never cut. Columns that do not fit the width follow below, with the first ``keys`` columns again.

    title : printed above the table
    columns : headings; the first ``keys`` columns are text, the others numbers
    rows : cells
    keys : leading columns that tell the rows apart
    last_is_total : print a line before the last row
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    _: KW_ONLY
    keys: int = 1
    last_is_total: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, chosen in enumerate(self._blocks(console, options)):
            yield self._table(chosen, self.title if number == 0 else None, options.max_width)

    def _blocks(self, console: Console, options: ConsoleOptions) -> list[list[int]]:
        """The columns of each part, as many as fit."""
        keys = list(range(self.keys))
        blocks = [[*keys]]
        for column in range(self.keys, len(self.columns)):
            wider = [*blocks[-1], column]
            fits = (
                Measurement.get(
                    console, options.update(width=UNLIMITED), self._table(wider, None, options.max_width)
                ).maximum
                <= options.max_width
            )
            if fits or blocks[-1] == keys:
                blocks[-1] = wider
            else:
                blocks.append([*keys, column])
        return blocks

    def _table(self, chosen: Sequence[int], title: str | None, width: int) -> Table:
        result = Table(
            title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False
        )
        for column in chosen:
            key = column < self.keys
            result.add_column(
                self.columns[column],
                justify="left" if key else "right",
                no_wrap=not key,
                overflow="fold",
                max_width=width // (3 * self.keys) + KEY_LEAST if key else None,
            )
        for i, row in enumerate(self.rows):
            if self.last_is_total and i == len(self.rows) - 1:
                result.add_section()
            result.add_row(*(escape(row[column]) for column in chosen))
        return result


def layers(summary: Summary, simulated: Mapping[str, int] | None = None) -> NumberTable:
    """Nonzeros and cycles per layer; with ``simulated`` also the cycles that the RTL counted."""
    columns = ["layer", "weights", "kept", "sparsity", "stored", "cycles"]
    if simulated is not None:
        columns.append("simulated")
    columns += ["dense", "speed-up", "MAC use", "bits", "÷ bound"]

    def row(layer: LayerSummary, counted: int | None) -> list[str]:
        cells = [
            layer.name,
            f"{layer.weights:,}",
            f"{layer.kept:,}",
            f"{layer.sparsity:.1%}",
            f"{layer.nnz:,}",
            f"{layer.cycles:,}",
        ]
        if counted is not None:
            cells.append(f"{counted:,}")
        over = f"{layer.stored_bits / layer.bound_bits:.3f}" if layer.bound_bits else "–"
        return [
            *cells, f"{layer.dense_cycles:,}", f"{layer.speed_up:.2f}×", f"{layer.utilisation:.1%}", f"{layer.stored_bits:,}", over,
        ]  # fmt: skip

    rows = [row(layer, simulated[layer.name] if simulated is not None else None) for layer in summary.layers]
    rows.append(row(summary.total, sum(simulated.values()) if simulated is not None else None))
    return NumberTable("Layers, cycles per group", columns, rows, last_is_total=True)


AREA = {"lut4": "LUT4", "ff": "FF", "bram": "block RAM", "dsp": "DSP"}
"""Headings of an area."""


def candidates(fit: Fit) -> NumberTable:
    """The arrays considered for a part, the fastest first, and the chosen one."""
    rows = []
    for found in fit.candidates:
        over = " ".join(AREA[name] for name in found.over)
        verdict = "chosen" if found is fit.chosen else f"over: {over}" if over else "fits"
        need = found.need
        rows.append([
            f"{found.config.lanes} × {found.config.columns}", str(found.config.epilogues), f"{found.per_sample:,.0f}",
            f"{found.cycles.latency:,}", f"{need.lut4:,}", f"{need.ff:,}", f"{need.bram:,}", f"{need.dsp:,}", verdict,
        ])  # fmt: skip
    columns = ["array", "epilogues", "cycles", "latency", *AREA.values(), ""]
    title = f"Arrays for {fit.target}, lanes × columns: cycles per sample predicted, areas estimated"
    return NumberTable(title, columns, rows)


def comparison(rows: Sequence[Row]) -> NumberTable:
    """Pruned models side by side. Cycles are those between two groups, with their share of the first row's: the model as it is."""
    title = "Accuracy, float masked and in integers, bits and predicted cycles"
    columns = [
        "method",
        "allocation",
        "pattern",
        "asked",
        "pruned",
        "float",
        "integer",
        "bits",
        "cycles",
        "of unpruned",
    ]
    lines = [
        [
            row.method, row.allocation, row.pattern, f"{row.asked:.4g}", f"{row.sparsity:.1%}", f"{row.float_accuracy:.2%}",
            f"{row.integer_accuracy:.2%}", f"{row.stored_bits:,}", f"{row.interval:,}", f"{row.interval / rows[0].interval:.1%}",
        ]
        for row in rows
    ]  # fmt: skip
    return NumberTable(title, columns, lines, keys=4)


def totals(summary: Summary) -> list[tuple[str, str]]:
    """Latency, interval and storage as name and value."""
    return [
        ("latency", f"{summary.latency:,} cycles"),
        (
            "interval",
            f"{summary.interval:,} cycles (dense {summary.dense_interval:,}, {summary.dense_interval / summary.interval:.2f}×)",
        ),
        (
            "stored",
            f"{summary.total.stored_bits:,} bits = {summary.total.stored_bits / max(summary.total.bound_bits, 1):.3f} × entropy bound,"
            f" {summary.total.stored_bits / summary.dense_bits:.1%} of dense",
        ),
    ]


def memory(found: Memory, columns: int) -> tuple[str, str]:
    """Peak of the activations' memory as name and value."""
    return (
        "activations",
        f"{found.peak:,} addresses × {columns} bytes at most, for {len(found.tensors)} tensors"
        f" that take {found.apart:,} without sharing",
    )


def pairs(rows: Sequence[tuple[str, str | Text]]) -> Table:
    """Names and values without a frame. A value of plain text is shown as it is, brackets included."""
    result = Table.grid(padding=(0, 2))
    result.add_column(no_wrap=True)
    result.add_column(overflow="fold")
    for name, value in rows:
        result.add_row(f"[bold]{name}[/bold]", value if isinstance(value, Text) else escape(value))
    return result
