"""Plots of a comparison by matplotlib, which comes with an extra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zeroskip.contracts.extras import needs_extra

from .comparison import Row

PANELS: tuple[tuple[str, Callable[[Row], float]], ...] = (
    ("weights removed [%]", lambda row: 100 * row.sparsity),
    ("stored [kbit]", lambda row: row.stored_bits / 1000),
    ("interval [thousand cycles]", lambda row: row.interval / 1000),
)
STYLES = ("-", "--", ":", "-.")
MARKERS = "osD^v<>p*h"


def plot(rows: Sequence[Row], *paths: Path) -> None:
    """Integer accuracy against sparsity, stored bits and cycles: three panels, one line for each method, allocation and pattern.

    paths : files of the pictures; a suffix, as .png or .svg, gives the format

    Raises ToolMissingError without matplotlib.
    """
    with needs_extra("plot"):
        from matplotlib.figure import Figure
    figure = Figure(figsize=(14, 5.2), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for panel, (label, value) in zip(panels, PANELS, strict=True):
        _draw(panel, rows, value)
        panel.set_xlabel(label)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy in integers [%]")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5), frameon=False)
    for path in paths:
        figure.savefig(path, dpi=120)


def _draw(panel: Any, rows: Sequence[Row], value: Callable[[Row], float]) -> None:
    """Draw a colour and marker for each method, and a line style for each of its allocations and patterns."""
    pruned = [row for row in rows if row.method != "none"]
    methods = list(dict.fromkeys(row.method for row in pruned))
    for series in dict.fromkeys(row.series for row in pruned):
        line = sorted((row for row in pruned if row.series == series), key=lambda row: row.asked)
        number = methods.index(series[0])
        siblings = list(dict.fromkeys(row.series for row in pruned if row.method == series[0]))
        panel.plot(
            [value(row) for row in line], [100 * row.integer_accuracy for row in line], label=_label(series, siblings),
            color=f"C{number % 10}", marker=MARKERS[number % len(MARKERS)], markersize=5,
            linestyle=STYLES[siblings.index(series) % len(STYLES)],
        )  # fmt: skip
    for row in rows:
        if row.method == "none":
            panel.plot(value(row), 100 * row.integer_accuracy, "k*", markersize=11, label="as it is", linestyle="none")
            panel.axhline(100 * row.integer_accuracy, color="black", linewidth=0.8, alpha=0.5)


def _label(series: tuple[str, str, str], siblings: Sequence[tuple[str, str, str]]) -> str:
    """The method, and the choices in which its lines differ."""
    differing = (part for part in range(1, len(series)) if len({other[part] for other in siblings}) > 1)
    return ", ".join([series[0], *(series[part] for part in differing)])
