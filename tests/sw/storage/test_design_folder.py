"""A design on disk is whole, as it was written, or refused."""

from __future__ import annotations

import errno
import os
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sw.tiny_networks import tiny_network

from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.storage import design_folder
from zeroskip.storage.images import FORMATS


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_saved_is_loaded(saved, folder):
    loaded = design_folder.load(folder)
    for name in ("program", "cycles", "dense_cycles", "verilog", "sidecar"):
        assert getattr(loaded, name) == getattr(saved, name), name
    assert_same(loaded.network, saved.network)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1))
def test_every_field_of_a_network_is_loaded_as_it_was(saved, tmp_path, seed):
    network = tiny_network(np.random.default_rng(seed))
    folder = design_folder.save(replace(saved, network=network), tmp_path / "net")
    assert_same(design_folder.load(folder).network, network, f"seed {seed}")


def assert_same(got: QuantizedNetwork, wanted: QuantizedNetwork, message: str = "") -> None:
    """Equal in every field, types included."""
    for field in fields(wanted):
        if field.name != "layers":
            assert getattr(got, field.name) == getattr(wanted, field.name), (field.name, message)
    for after, before in zip(got.layers, wanted.layers, strict=True):
        for field in fields(before):
            value, expected = getattr(after, field.name), getattr(before, field.name)
            assert type(value) is type(expected), (before.name, field.name, message)
            np.testing.assert_array_equal(value, expected, err_msg=f"{before.name}.{field.name}, {message}")


def test_two_folders_are_equal_byte_by_byte(saved, tmp_path):
    first, second = (
        contents(design_folder.save(saved, tmp_path / name, image_formats=list(FORMATS))) for name in ("a", "deep/er/b")
    )
    assert first == second
    assert str(tmp_path).encode() not in b"".join(first.values())


def test_every_asked_for_format_is_written(saved, tmp_path):
    files = contents(design_folder.save(saved, tmp_path / "net", image_formats=["hex", "bin"]))
    for name in saved.program.images:
        assert {f"images/{name}.mem", f"images/hex/{name}.hex", f"images/bin/{name}.bin"} <= set(files)


def test_an_unknown_format_is_refused(saved, tmp_path):
    with pytest.raises(InputError, match=r"^image format must be one of .*mem.*, not 'elf'$"):
        design_folder.save(saved, tmp_path / "net", image_formats=["mem", "elf"])
    assert list(tmp_path.iterdir()) == []


# --- what cannot be loaded --------------------------------------------------------------------------------------------


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(
        ImageError, match=r"^.*/manifest\.json: is missing; .* is not a design that zeroskip build wrote$"
    ):
        design_folder.load(tmp_path / "nowhere")


FILES = ["images/lane00.masks.mem", "images/rows0.mem", "network.safetensors", "rtl/zeroskip.v", "rtl/zeroskip.json"]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ImageError, match=rf"^{folder / name}: is missing; the manifest lists it$"):
        design_folder.load(folder)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["flip", "cut", "grow"])
def test_an_altered_file_is_refused(folder, name, change):
    path = folder / name
    data = path.read_bytes()
    last = bytes([data[-1] ^ 1])
    path.write_bytes({"flip": data[:-1] + last, "cut": data[:-1], "grow": data + b"\n"}[change])
    with pytest.raises(ImageError, match=rf"^{path}: was altered; its sha256 is not the manifest's$"):
        design_folder.load(folder)


# --- what cannot be saved ---------------------------------------------------------------------------------------------


def break_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(design_folder, "save_arrays", fail)


def test_nothing_half_written_stays(saved, tmp_path, monkeypatch):
    break_writing(monkeypatch)
    with pytest.raises(InputError, match=r"^.*/net: cannot be written: No space left on device$"):
        design_folder.save(saved, tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_the_design_that_was_there_stays_when_writing_breaks(saved, folder, monkeypatch):
    before = contents(folder)
    break_writing(monkeypatch)
    with pytest.raises(InputError, match=r"^.*/net: cannot be written: No space left on device$"):
        design_folder.save(saved, folder)
    assert contents(folder) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_design_is_replaced_whole(saved, folder):
    (folder / "images" / "stale.mem").write_text("0")
    before = set(contents(folder))
    design_folder.save(saved, folder)
    assert set(contents(folder)) == before - {"images/stale.mem"}
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize(
    "name, text", [("thesis.tex", "x"), ("manifest.json", '{"name": "a web page"}'), ("manifest.json", "?")]
)
def test_a_folder_of_something_else_is_refused(saved, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(
        InputError, match=rf"^{tmp_path}: is not empty and not a zeroskip design; choose another folder$"
    ):
        design_folder.save(saved, tmp_path)
    assert contents(tmp_path) == {name: text.encode()}


def test_an_empty_folder_is_taken(saved, tmp_path):
    assert design_folder.load(design_folder.save(saved, tmp_path / "net")).cycles == saved.cycles


def test_a_file_in_the_place_of_the_folder_is_refused(saved, tmp_path):
    (tmp_path / "net").write_text("x")
    with pytest.raises(InputError, match=r"^.*/net: must be a folder$"):
        design_folder.save(saved, tmp_path / "net")
    with pytest.raises(InputError, match=r"^.*/net/sub: .*/net is not a folder$"):
        design_folder.save(saved, tmp_path / "net" / "sub")
