"""Images for an array that exists, as a folder: whole, checked, and refused in one line where they are not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.contracts.payload import Payload
from zeroskip.storage import images
from zeroskip.storage.design_folder import Saved
from zeroskip.storage.payload_folder import read_payload, write_payload
from zeroskip.storage.sealed import to_json


@pytest.fixture
def images_folder(saved: Saved, tmp_path: Path) -> Path:
    write_payload(Payload.of(saved), tmp_path / "new", image_formats=["bin"], further={"a.h": "text\n"})
    return tmp_path / "new"


def same(one: Payload, other: Payload) -> bool:
    fields = ("config", "input", "output", "cycles", "crc")
    return dict(one.images) == dict(other.images) and all(getattr(one, name) == getattr(other, name) for name in fields)


def test_what_is_written_is_read(saved: Saved, images_folder: Path) -> None:
    payload = Payload.of(saved)
    assert same(read_payload(images_folder), payload)
    assert list(read_payload(images_folder).cycles.layers) == list(saved.cycles.layers)
    manifest = json.loads((images_folder / "manifest.json").read_text())
    assert (manifest["config_id"], manifest["crc"]) == (payload.config.digest, payload.crc)
    assert (images_folder / "a.h").read_text() == "text\n"
    for memory in payload.layout.memories:
        assert images.read(images_folder / "images" / "bin" / f"{memory.name}.bin", memory.width) == list(
            payload.images[memory.name]
        )
        stated = manifest["images"][memory.name]
        assert (stated["width"], stated["words"]) == (memory.width, len(payload.images[memory.name]))
    files = {path.relative_to(images_folder).as_posix() for path in images_folder.rglob("*") if path.is_file()}
    assert files == {*manifest["files"], "manifest.json"}


def test_a_design_is_read_too(saved: Saved, folder: Path) -> None:
    assert same(read_payload(folder), Payload.of(saved))


def test_images_replace_images_and_nothing_else(
    saved: Saved, images_folder: Path, folder: Path, tmp_path: Path
) -> None:
    write_payload(Payload.of(saved), images_folder, further={})
    assert not (images_folder / "a.h").exists()
    with pytest.raises(
        InputError, match=rf"^{folder}: is not empty and not a folder of zeroskip images; choose another folder$"
    ):
        write_payload(Payload.of(saved), folder, further={})
    with pytest.raises(InputError, match=r"^image format must be one of mem, hex, coe, mif, bin, not 'elf'$"):
        write_payload(Payload.of(saved), tmp_path / "other", image_formats=["elf"], further={})
    assert not (tmp_path / "other").exists()


def signed_again(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["sha256"]
    change(manifest)
    path.write_text(to_json({**manifest, "sha256": hashlib.sha256(to_json(manifest).encode()).hexdigest()}))


def test_a_file_that_is_missing_or_altered_is_named(images_folder: Path) -> None:
    weights = images_folder / "images" / "lane01.weights.mem"
    text = weights.read_text()
    weights.write_text(text[:-2] + ("0" if text[-2] != "0" else "1") + "\n")
    with pytest.raises(ImageError, match=rf"^{weights}: was altered; its sha256 is not the manifest's$"):
        read_payload(images_folder)
    weights.unlink()
    with pytest.raises(ImageError, match=rf"^{weights}: is missing; the manifest lists it$"):
        read_payload(images_folder)


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda m: m.update(crc=5), "manifest.json: crc must be 0x"),
        (lambda m: m.update(config_id=5), "manifest.json: config_id must be 0x"),
        (lambda m: m.update(version=1), "manifest.json: version must be 3, not 1; make the images again"),
        (lambda m: m.update(format="zip"), "manifest.json: is not a manifest of zeroskip images"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(images_folder: Path, change: Any, expected: str) -> None:
    signed_again(images_folder, change)
    with pytest.raises(ImageError) as refused:
        read_payload(images_folder)
    assert str(refused.value).startswith(f"{images_folder}/{expected}")


def test_a_manifest_that_is_none_is_refused(images_folder: Path, tmp_path: Path) -> None:
    path = images_folder / "manifest.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 1 '))
    read_payload(images_folder)  # blanks say nothing
    path.write_text(path.read_text().replace('"inputs"', '"input "').replace('"planes"', '"plain"'))
    with pytest.raises(ImageError, match=rf"^{path}: was altered; its sha256 is not the one that it states$"):
        read_payload(images_folder)
    path.write_text("{")
    with pytest.raises(ImageError, match=rf"^{path}: is not JSON: "):
        read_payload(images_folder)
    with pytest.raises(
        ImageError,
        match=rf"^{tmp_path}/none/manifest.json: is missing; .* is not a folder that zeroskip build or zeroskip images",
    ):
        read_payload(tmp_path / "none")
