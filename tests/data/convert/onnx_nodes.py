"""The operator tests of the onnx wheel: those that ``tests/sw/frontend/onnx/conformance.py`` names."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

PREFIX = "onnx/backend/test/data/node/"


def onnx_nodes(files: Mapping[str, Path], folder: Path) -> None:
    from tests.sw.frontend.onnx.conformance import NAMES  # here, because it loads torch

    target = folder / "onnx_node_tests"
    target.mkdir()
    (wheel,) = files.values()
    with zipfile.ZipFile(wheel) as packed:
        for member in packed.namelist():
            name = member.removeprefix(PREFIX)
            if member.startswith(PREFIX) and name.partition("/")[0] in NAMES and not name.endswith("/"):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(packed.read(member))
    (target / "NAMES.txt").write_text("".join(f"{name}\n" for name in NAMES))
