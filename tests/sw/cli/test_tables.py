from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from zeroskip.cli import tables


def test_values_are_shown_as_they_are_and_styled_texts_without_markup() -> None:
    console = Console(width=80, file=(said := StringIO()))
    console.print(tables.pairs([("file", "x[0].npy"), ("verdict", Text("equal", style="bold green"))]))
    assert "x[0].npy" in said.getvalue()
    assert [word for word in said.getvalue().split() if word in ("equal", "[bold", "green]equal[/]")] == ["equal"]


ROWS = [
    ["stack.0", "6,160,000", "1,900,000", "69.2%"],
    ["x" * 90, "1", "2", "3"],
    ["total", "6,160,001", "1,900,002", "69.2%"],
]
COLUMNS = ["layer", "weights", "kept", "sparsity"]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("keys", [1, 2])
def test_no_cell_is_ever_cut(width: int, keys: int) -> None:
    console = Console(width=width, file=(said := StringIO()))
    console.print(tables.NumberTable("Layers", COLUMNS, ROWS, keys=keys, last_is_total=True))
    lines = said.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "…" not in said.getvalue()
    text = "".join(line.replace(" ", "") for line in lines)
    for row in ROWS:
        for cell in row[keys:]:
            assert cell in said.getvalue()
    assert text.count("x") >= 90
    if keys > 1:  # the headings of names may be folded too
        return
    headings = [line.split() for line in lines if line.split()[:1] == ["layer"]]
    assert [word for line in headings for word in line if word not in COLUMNS[:keys]] == COLUMNS[keys:]


def test_a_table_that_fits_is_in_one_piece() -> None:
    console = Console(width=80, file=(said := StringIO()))
    console.print(tables.NumberTable("Layers", COLUMNS, [ROWS[0], ROWS[2]]))
    assert said.getvalue().count("layer") == 1


def test_cells_are_shown_as_they_are() -> None:
    console = Console(width=80, file=(said := StringIO()))
    console.print(tables.NumberTable("", ["layer", "n"], [["blocks[0]", "[bold]1"]]))
    assert "blocks[0]" in said.getvalue()
    assert "[bold]1" in said.getvalue()


def test_a_long_path_is_folded_not_cut() -> None:
    path = "/" + "folder/" * 30
    console = Console(width=80, file=(said := StringIO()))
    console.print(tables.pairs([("design", path)]))
    assert "".join(said.getvalue().split()) == f"design{path}"
