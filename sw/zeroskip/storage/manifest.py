"""A design's ``manifest.json``: written with a checksum of its own, read back only if it is whole, unaltered, and as its schema says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.errors import ImageError

from .atomic import write_bytes
from .sealed import NAME, Sealed, stated

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

VERSION = 6
DESIGN = Sealed(
    format="zeroskip", version=VERSION, kind="a zeroskip manifest", origin="a design that zeroskip build wrote",
    again="build the design again",
)  # fmt: skip


def write_manifest(values: Mapping[str, Any], folder: Path) -> None:
    """Write ``values`` with their format, version and checksum."""
    write_bytes(DESIGN.text(values).encode(), folder / NAME)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_manifest` wrote. Raises ImageError, naming file and field, for everything else."""
    from jsonschema.exceptions import best_match  # slow to import, and few commands read a design

    manifest = DESIGN.read(folder)
    fault = best_match(_validator().iter_errors({**manifest, "sha256": "0" * 64}))
    if fault is not None:
        raise ImageError(f"{folder / NAME}: {fault.json_path}: {fault.message[:200]}")
    return manifest


def is_design(folder: Path) -> bool:
    """Whether ``folder`` is a design of any version and so may be replaced. Other programs write a manifest.json too."""
    return stated(folder / NAME).get("format") == DESIGN.format


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = json.loads((files("zeroskip.storage") / "manifest.schema.json").read_text())
    return Draft202012Validator(schema)
