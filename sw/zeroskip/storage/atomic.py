"""Files and folders that are written whole or not at all, with the permissions that the user's umask gives.

A refusal of the file system becomes an InputError that names the path: no room, a name that is too long, a folder in the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zeroskip.contracts.errors import InputError


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turns refusals of the file system into ``path: cannot be written``."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_bytes(content: bytes, path: Path) -> None:
    """Write the whole content of a file, or leave the file as it was."""
    partial = _beside(path)
    with refused(path):
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def write_json(value: Any, path: Path) -> None:
    """``value`` as indented JSON with a line feed at the end."""
    write_bytes((json.dumps(value, indent=1) + "\n").encode(), path)


@contextmanager
def replaced_folder(folder: Path, require: Callable[[Path], None]) -> Iterator[Path]:
    """A folder to fill beside ``folder``. At the end it takes the place of ``folder``; after an error it is removed.

    require : raises for a ``folder`` that must not be replaced
    """
    with refused(folder):
        require(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = _beside(folder)
        old = partial.with_name(f"{partial.name}.old")
        partial.mkdir()
        try:
            yield partial
            if folder.exists():
                os.replace(folder, old)
            os.replace(partial, folder)
        except InputError as error:  # names a file in it: the user knows the file by its final name
            raise InputError(str(error).replace(str(partial), str(folder))) from error
        finally:
            if old.exists() and not folder.exists():
                os.replace(old, folder)
            shutil.rmtree(partial, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)


def require_replaceable(folder: Path, ours: Callable[[Path], bool], kind: str) -> None:
    """Refuse a folder that must not be replaced, or cannot be: not empty and not ``ours``, a file, write-protected.

    kind : what the folder would have to be, with its article
    """
    if not folder.name:
        raise InputError(f"{str(folder)!r}: must be the name of a folder")
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise InputError(f"{folder}: {'must be a folder' if nearest == folder else f'{nearest} is not a folder'}")
    if not os.access(nearest, os.W_OK):
        raise InputError(f"{folder}: cannot be written: {nearest} is write-protected")
    if folder.is_dir() and any(folder.iterdir()) and not ours(folder):
        raise InputError(f"{folder}: is not empty and not {kind}; choose another folder")


def file_digest(path: Path) -> str:
    """The sha256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _beside(path: Path) -> Path:
    """A hidden name in the same folder that nobody else takes. The file system takes its length, if it takes that of ``path``."""
    return path.with_name(f".{secrets.token_hex(4)}.partial")
