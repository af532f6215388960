"""Where the real networks and data lie: the one place that decides."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """``ZEROSKIP_DATA``, else ``../shared/data`` beside the repository if it exists, else ``build/data``. May be absent."""
    if named := os.environ.get("ZEROSKIP_DATA"):
        return Path(named).resolve()
    beside = REPOSITORY.parent / "shared" / "data"
    return beside if beside.is_dir() else REPOSITORY / "build" / "data"


def needed(*names: str) -> Path:
    """The data folder, if it has these; else the program ends with one line."""
    folder = data_folder()
    if reason := next(filter(None, (missing(folder, name) for name in names)), None):
        raise SystemExit(reason)
    return folder


def missing(folder: Path, name: str) -> str | None:
    """Why ``name``, a file or folder of the data folder, cannot be read, or None where it is there."""
    if (folder / name).exists():
        return None
    return f"real data {name!r} is not in {folder}; fetch it with: make data"
