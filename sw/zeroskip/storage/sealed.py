"""The ``manifest.json`` of a folder: JSON that states its format, its version, its own sha256 and that of every other file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zeroskip.contracts.errors import ImageError

from .atomic import file_digest

NAME = "manifest.json"


@dataclass(frozen=True)
class Sealed:
    """One kind of manifest.

    format : the value of its key ``format``
    version : the one that is written and read
    kind : what it is, with its article, for refusals
    origin : what its folder is, with its article
    again : what the user does about another version
    """

    format: str
    version: int
    kind: str
    origin: str
    again: str

    def text(self, values: Mapping[str, Any]) -> str:
        """``values`` with their format, version and checksum."""
        stated = {**values, "format": self.format, "version": self.version}
        return to_json({**stated, "sha256": _digest(stated)})

    def read(self, folder: Path) -> dict[str, Any]:
        """The values of the folder's manifest, without the checksum. Raises ImageError, naming the file, for everything else."""
        path = folder / NAME
        if not path.is_file():
            raise ImageError(f"{path}: is missing; {folder} is not {self.origin}")
        try:
            manifest = json.loads(path.read_bytes())
        except OSError as error:
            raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise ImageError(f"{path}: is not JSON: {error}") from error
        if not isinstance(manifest, dict) or manifest.get("format") != self.format:
            raise ImageError(f"{path}: is not {self.kind}")
        if manifest.get("version") != self.version:
            raise ImageError(f"{path}: version must be {self.version}, not {manifest.get('version')!r}; {self.again}")
        if manifest.pop("sha256", None) != _digest(manifest):
            raise ImageError(f"{path}: was altered; its sha256 is not the one that it states")
        return manifest


def require_files(folder: Path, digests: Mapping[str, str]) -> None:
    """Refuse a folder in which a file is missing or altered, with the first that is. digests : sha256 by path in the folder"""
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise ImageError(f"{path}: is missing; the manifest lists it")
        if file_digest(path) != digest:
            raise ImageError(f"{path}: was altered; its sha256 is not the manifest's")


def stated(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is no such file or it holds anything else. It tells whose folder this is."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def to_json(value: Any) -> str:
    """JSON text, always the same for the same value."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(values).encode()).hexdigest()
