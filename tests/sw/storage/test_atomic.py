"""Files and folders are written whole, with the user's permissions, or refused by name."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import replaced_folder, write_bytes, write_json


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_file_replaces_the_one_that_was_there(tmp_path):
    path = tmp_path / "a.json"
    write_json({"a": 1}, path)
    write_json({"b": [2]}, path)
    assert path.read_text() == '{\n "b": [\n  2\n ]\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_the_umask(tmp_path, umask):
    write_bytes(b"x", tmp_path / "file")
    with replaced_folder(tmp_path / "folder", lambda folder: None) as partial:
        (partial / "inner").write_text("x")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "name, reason",
    [("n" * 300, "File name too long"), ("is/a/folder", "Is a directory"), ("nowhere/x", "No such file or directory")],
)
def test_what_the_file_system_refuses_is_one_line(tmp_path, name, reason):
    (tmp_path / "is/a/folder").mkdir(parents=True)
    path = tmp_path / name
    with pytest.raises(InputError, match=rf"^{path}: cannot be written: {reason}$"):
        write_bytes(b"x", path)
    assert [p.name for p in tmp_path.rglob("*")] == ["is", "a", "folder"]


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("before")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=rf"^{path}: cannot be written: No space left on device$"):
        write_bytes(b"after", path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_folder_leaves_the_one_that_was_there(tmp_path, error):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "old").write_text("x")

    def interrupted() -> None:
        with replaced_folder(folder, lambda _: None) as partial:
            (partial / "new").write_text("y")
            raise error

    with pytest.raises(error):
        interrupted()
    assert [p.name for p in tmp_path.rglob("*")] == ["net", "old"]


def test_a_file_of_a_folder_is_named_as_it_will_be(tmp_path, monkeypatch):
    folder = tmp_path / "net"
    with pytest.raises(InputError, match=rf"^{folder}/{'n' * 300}: cannot be written: File name too long$"):  # noqa: SIM117
        with replaced_folder(folder, lambda _: None) as partial:
            write_bytes(b"x", partial / ("n" * 300))
    assert list(tmp_path.iterdir()) == []
