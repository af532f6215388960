"""What the table of real data says of itself, and where the data lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.data import contents, folder
from tests.data.contents import Wanted
from tests.data.sources import SOURCES


def test_every_file_of_the_table_has_its_sha256() -> None:
    listed = {name for each in SOURCES for name in (*each.files, *each.extras)}
    assert listed == set(contents.contents())
    assert len({each.name for each in SOURCES}) == len(SOURCES)


def test_every_file_of_a_source_is_in_one_folder() -> None:
    assert all(name.startswith(f"{each.folder}/") for each in SOURCES for name in (*each.files, *each.extras))


def test_where_the_data_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "REPOSITORY", tmp_path / "zeroskip")
    monkeypatch.delenv("ZEROSKIP_DATA", raising=False)
    assert folder.data_folder() == tmp_path / "zeroskip/build/data"
    (tmp_path / "shared/data").mkdir(parents=True)
    assert folder.data_folder() == tmp_path / "shared/data"
    monkeypatch.setenv("ZEROSKIP_DATA", str(tmp_path))
    assert folder.data_folder() == tmp_path.resolve()


def test_what_is_missing_is_named_with_the_command(tmp_path: Path) -> None:
    assert folder.missing(tmp_path, "mnist") == f"real data 'mnist' is not in {tmp_path}; fetch it with: make data"
    (tmp_path / "mnist").mkdir()
    assert folder.missing(tmp_path, "mnist") is None


def test_a_benchmark_ends_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEROSKIP_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    assert folder.needed("mnist") == tmp_path.resolve()
    with pytest.raises(SystemExit, match=r"^real data 'cifar10' is not in .*; fetch it with: make data$"):
        folder.needed("mnist", "cifar10")


def test_wanted_arrays_are_listed() -> None:
    assert contents.arrays("cifar10/cifar10_test_first2000.npz")["y"] == Wanted(
        "uint8", (2000,), "3902c3af7fa7672eec1fabac87b4a7d8e9846a916952a3f6b723ec75787df0f9"
    )
