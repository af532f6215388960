from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.text import Text

from zeroskip.cli import tables


def test_values_are_shown_as_they_are_and_styled_texts_without_markup() -> None:
    console = Console(width=80, file=(said := StringIO()))
    console.print(tables.pairs([("file", "x[0].npy"), ("verdict", Text("equal", style="bold green"))]))
    assert "x[0].npy" in said.getvalue()
    assert [word for word in said.getvalue().split() if word in ("equal", "[bold", "green]equal[/]")] == ["equal"]
