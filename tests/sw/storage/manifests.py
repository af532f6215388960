"""Manifests that are changed and signed again, as somebody would who edits a design by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zeroskip.storage.manifest import write_manifest


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let ``change`` work on the manifest; its checksum, and those of the files, are right again afterwards."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    for name in manifest.get("files", {}):
        if (folder / name).is_file():
            manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    del manifest["sha256"]
    write_manifest(manifest, folder)


def sign_again(folder: Path) -> None:
    """After a file was changed."""
    edit_manifest(folder, lambda manifest: None)
