"""The command line, as the tests call it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zeroskip.cli.main import run

Command = Callable[..., tuple[int, str, str]]
"""Arguments → (exit status, standard output, standard error)."""


@pytest.fixture
def zeroskip(capsys: pytest.CaptureFixture[str]) -> Command:
    def called(*arguments: object) -> tuple[int, str, str]:
        status = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return called
