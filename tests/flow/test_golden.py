"""The Verilog and the images of a tiny design, byte for byte; a change is made on purpose with ``make snapshot``."""

from __future__ import annotations

from pathlib import Path

from tests.golden.update import HERE, write


def contents(folder: Path) -> dict[str, bytes]:
    files = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_what_is_built_is_what_was_last_looked_at(tmp_path):
    write(tmp_path)
    built, golden = contents(tmp_path), contents(HERE)
    assert sorted(built) == sorted(golden), "files differ; look at the change, then run make snapshot"
    changed = [name for name in sorted(built) if built[name] != golden[name]]
    assert not changed, f"{', '.join(changed)} differ; look at the change, then run make snapshot"
