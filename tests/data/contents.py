"""What the tests read, by its sha256, whoever it comes from: ``contents.json`` lists it.

The file has one entry for each file or folder of the data folder:

- ``*.npz``: for each array that is read its type, shape and the sha256 of its values (little endian, C order, −0.0 as 0.0).
  Further arrays in the file do no harm.
- ``*.gz``: the sha256 of what is packed.
- a name that ends in ``/``: the sha256 of the list of all files below with theirs, as ``sha256sum`` prints it.
- any other: the sha256 of the file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

NOTE = "NOTE.md"
"""Beside the data, and no part of them."""

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Wanted:
    """One array of an .npz file."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str


@cache
def contents() -> Mapping[str, str | Mapping[str, Wanted]]:
    """For each name the sha256, or the arrays."""
    listed = json.loads(Path(__file__).with_name("contents.json").read_text())
    return {
        name: entry if isinstance(entry, str) else {array: _wanted(line) for array, line in entry.items()}
        for name, entry in listed.items()
    }


def arrays(name: str) -> Mapping[str, Wanted]:
    """Those of the .npz file ``name``."""
    entry = contents()[name]
    assert not isinstance(entry, str), name
    return entry


def difference(folder: Path, name: str) -> str | None:
    """What is wrong with ``name`` in this folder, or None where it is what the tests want."""
    path = folder / name
    if not path.exists():
        return f"{name} is missing"
    try:
        found, wanted = describe(path), contents()[name]
    except (OSError, ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        return f"{name} cannot be read ({error})"
    if isinstance(wanted, str):
        return None if found == wanted else f"{name} has another sha256"
    assert not isinstance(found, str)
    wrong = next((array for array, line in wanted.items() if found.get(array) != line), None)
    return wrong and f"{name} has another array {wrong}"


def describe(path: Path) -> str | Mapping[str, Wanted]:
    """The entry that a file or folder would have."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.name != NOTE)
        lines = (f"{_sha256(file.read_bytes())}  {file.relative_to(path).as_posix()}\n" for file in files)
        return _sha256("".join(lines).encode())
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as values:
            return {
                name: Wanted(value.dtype.name, value.shape, digest(value))
                for name in values.files
                for value in [values[name]]
            }
    packed = path.read_bytes()
    return _sha256(gzip.decompress(packed) if path.suffix == ".gz" else packed)


def digest(values: Array) -> str:
    """The sha256 of an array's values, without its shape."""
    plain = np.array(values, values.dtype.newbyteorder("<"), order="C")
    if plain.dtype.kind == "f":
        plain[plain == 0] = 0  # −0.0 is the same weight
    return _sha256(plain.tobytes())


def _wanted(line: str) -> Wanted:
    dtype, shape, sha256 = line.split(" ")
    return Wanted(dtype, tuple(int(size) for size in shape.split("x")), sha256)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
