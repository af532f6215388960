"""The command line, as the tests call it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from zeroskip.cli.main import main

Command = Callable[..., tuple[int, str, str]]
"""Arguments → (exit status, standard output, standard error)."""


@pytest.fixture
def zeroskip(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["zeroskip", *map(str, arguments)])
        try:
            main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
