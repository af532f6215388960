"""``manifest.json``: written with a checksum of its own, read back only if it is whole, unaltered, and as its schema says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.errors import ImageError

from .atomic import write_bytes

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

NAME = "manifest.json"
FORMAT = "zeroskip"
VERSION = 4


def write_manifest(values: Mapping[str, Any], folder: Path) -> None:
    """Write ``values`` with their format, version and checksum."""
    stated = {**values, "format": FORMAT, "version": VERSION}
    write_bytes(to_json({**stated, "sha256": _digest(stated)}).encode(), folder / NAME)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_manifest` wrote. Raises ImageError, naming file and field, for everything else."""
    from jsonschema.exceptions import best_match  # slow to import, and few commands read a design

    path = folder / NAME
    if not path.is_file():
        raise ImageError(f"{path}: is missing; {folder} is not a design that zeroskip build wrote")
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{path}: is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ImageError(f"{path}: is not a zeroskip manifest")
    if manifest.get("version") != VERSION:
        raise ImageError(f"{path}: version must be {VERSION}, not {manifest.get('version')!r}; build the design again")
    stated = manifest.pop("sha256", None)
    if stated != _digest(manifest):
        raise ImageError(f"{path}: was altered; its sha256 is not the one that it states")
    fault = best_match(_validator().iter_errors({**manifest, "sha256": stated}))
    if fault is not None:
        raise ImageError(f"{path}: {fault.json_path}: {fault.message[:200]}")
    return manifest


def is_design(folder: Path) -> bool:
    """Whether ``folder`` is a design of any version and so may be replaced. Other programs write a manifest.json too."""
    try:
        manifest = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def to_json(value: Any) -> str:
    """JSON text, always the same for the same value."""
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(values).encode()).hexdigest()


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = json.loads((files("zeroskip.storage") / "manifest.schema.json").read_text())
    return Draft202012Validator(schema)
