"""An exported folder of a design, moved away from where it was written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zeroskip.export import export

Exported = Callable[..., Path]
"""``exported(design, tool, part=…, clock=…)`` → the folder, the test's own: it may be altered."""


@pytest.fixture
def exported(tmp_path: Path, require_data: Callable[[str], Path]) -> Exported:
    """Skips by name where the design's data are absent. Design and place of writing are gone when the folder is used."""

    def made(design: str, tool: str, **options: Any) -> Path:
        from tests.sw.export.designs import NEEDS, built  # brings torch, which half of the tests do without

        for needed in NEEDS[design]:
            require_data(needed)
        source = shutil.copytree(built(design), tmp_path / "written" / "own_net")
        written = export(source, tool, **options)
        moved = Path(tempfile.mkdtemp(prefix="elsewhere-", dir=tmp_path)) / f"{tool}-{design}"
        shutil.move(written, moved)
        shutil.rmtree(tmp_path / "written")
        return moved

    return made
