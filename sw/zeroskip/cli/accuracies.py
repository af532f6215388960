"""Accuracies on the command line: the given test data, and the figures as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.errors import InputError

from .values import load_array

if TYPE_CHECKING:
    from zeroskip.explore.accuracy import TestData

NOT_MEASURED = "not measured; --test-inputs and --test-labels show what pruning and rounding cost"

MUCH = 0.02
"""Loss of accuracy by pruning above which the user is told what to do, 0 … 1."""


def load_test_data(inputs: Path | None, labels: Path | None) -> TestData | None:
    """Returns None where neither option was given. Refuses one option without the other."""
    from zeroskip.explore.accuracy import TestData

    if inputs is None and labels is None:
        return None
    if inputs is None or labels is None:
        raise InputError("--test-inputs and --test-labels: must be given together")
    x, y = load_array(inputs, "--test-inputs"), load_array(labels, "--test-labels")
    try:
        return TestData.of(x, y)
    except InputError as error:
        raise InputError(f"--test-labels: {labels}: {error}") from error


def accuracy_report(test: TestData, figures: Mapping[str, float]) -> dict[str, Any]:
    """For report.json: the figures by kind, and the sha256 of their data."""
    return {"samples": len(test.labels), "sha256": test.digest, **figures}


def accuracy_rows(figures: Mapping[str, float], *, updated: bool = False) -> list[tuple[str, str]]:
    """Names and values to show. Empty ``figures`` were not measured, which is shown too.

    They say what to do where pruning cost much and the kept weights were not ``updated``.
    """
    if not figures:
        return [("accuracy", NOT_MEASURED)]
    rows = [("accuracy", " · ".join(f"{kind} {value:.2%}" for kind, value in figures.items()))]
    loss = figures.get("float dense", 0.0) - figures.get("float masked", 1.0)
    if loss > MUCH:
        advice = "fine-tune in Python (zeroskip.prune.fine_tune), or prune less"
        if not updated:
            advice = f"--method obs lets the kept weights make up for the removed ones; or {advice}"
        rows.append(("", f"pruning cost {100 * loss:.1f} points: {advice}"))
    return rows
