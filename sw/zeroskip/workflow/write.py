"""One file for a CI service, made for one call of ``zeroskip build``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import refused, write_bytes
from zeroskip.storage.template import render

PLACES = {"github": ".github/workflows/zeroskip.yml", "gitlab": ".gitlab-ci.yml"}
"""Where each service looks for its file, in the repository."""

DEFAULTS = {"verilator": 64, "icarus": 4}
"""Samples that each simulator runs: Icarus is some hundred times slower."""

HEADER = "# Written by zeroskip workflow."
"""A file that begins with it may be replaced."""


def write(service: str, build: Sequence[str], path: Path) -> None:
    """Write the file for ``service``, one of ``PLACES``, whole or not at all.

    build : model and options of ``zeroskip build``, without ``--out``; paths as seen from the repository

    Raises InputError for an unknown service, for an argument that cannot hold on another machine, and for a file of somebody else.
    """
    if service not in PLACES:
        raise InputError(f"service must be one of {', '.join(PLACES)}, not {service!r}")
    for word in build:
        if word.startswith(("/", "~")) or "=/" in word or "\n" in word:
            raise InputError(f"{word!r}: must be in the repository: the workflow runs on another machine")
    if path.exists() and not _is_ours(path):
        hint = "; write another file and name it there under include" if service == "gitlab" else ""
        raise InputError(f"{path}: is there, and zeroskip workflow has not written it; choose another with --out{hint}")
    extras = "sim,onnx" if any(".onnx" in word for word in build) else "sim"
    text = render(
        "zeroskip.workflow", f"{service}.yml.j2", header=HEADER, build=shlex.join(build), samples=DEFAULTS,
        requirement=f"zeroskip[{extras}]=={version('zeroskip')}",
    )  # fmt: skip
    with refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(text.encode(), path)


def _is_ours(path: Path) -> bool:
    try:
        return path.read_bytes().startswith(HEADER.encode())
    except OSError:
        return False
