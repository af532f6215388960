"""Verilator's own C++ files, compiled once for all models: they take longer than a small array does."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

OBJECTS = "verilated*.o"


class Runtime:
    """The compiled files in ``cache``, for models of one kind.

    kind : whatever decides how they are compiled: versions and options
    """

    def __init__(self, cache: Path, kind: Sequence[object]) -> None:
        key = hashlib.sha256(json.dumps(kind, sort_keys=True).encode()).hexdigest()[:24]
        self._folder = cache / "runtime" / key

    def lend(self, model: Path) -> tuple[str, ...]:
        """Put them where a model will be compiled; their names, none where no model has been compiled before."""
        found = sorted(self._folder.glob(OBJECTS))
        for path in found:
            shutil.copyfile(path, model / path.name)
        return tuple(path.name for path in found)

    def keep(self, model: Path) -> None:
        """Take those of a model that has been compiled, unless there are some, or it has none."""
        made = list(model.glob(OBJECTS))
        if self._folder.exists() or not made:
            return
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder.parent) as place:
            taken = Path(place) / "taken"
            taken.mkdir()
            for path in made:
                shutil.copyfile(path, taken / path.name)
            with suppress(OSError):  # another process was first
                taken.rename(self._folder)
