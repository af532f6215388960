"""Results of a long run. Each is on disk as soon as it is known, so that an interrupted run goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import write_json


class Results:
    """JSON values by fingerprint. Without a ``path`` they are only in memory."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        """Raises InputError for a file that does not hold such results, and for a folder that does not exist."""
        self._path = None if path is None else Path(path)
        self._values: dict[str, Any] = {}
        if self._path is None:
            return
        if not self._path.parent.is_dir():
            raise InputError(f"results file {str(self._path)!r}: the folder does not exist")
        if self._path.exists():
            try:
                self._values = dict(json.loads(self._path.read_text())["results"])
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise InputError(
                    f"results file {str(self._path)!r}: cannot be read; remove it to begin anew"
                ) from error

    def __contains__(self, entry: str) -> bool:
        return entry in self._values

    def __getitem__(self, entry: str) -> Any:
        return self._values[entry]

    def __setitem__(self, entry: str, value: Any) -> None:
        self._values[entry] = value
        if self._path is not None:
            write_json({"results": self._values}, self._path)
