"""A manifest is read only if it is whole, unaltered, of this version, as its schema says, and fits the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.sw.storage.manifests import edit_manifest

from zeroskip.contracts.errors import ImageError
from zeroskip.storage import design_folder
from zeroskip.storage.manifest import VERSION


def test_the_layers_of_the_cycles_are_in_the_order_of_execution(saved, folder):
    loaded = design_folder.load(folder)
    assert list(loaded.cycles.layers) == [layer.name for layer in saved.program.layers]


@pytest.mark.parametrize("text", ["", "{", "\x00\xff", "not json", "[" * 100_000])
def test_a_manifest_that_is_not_json_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ImageError, match=r"^.*/manifest\.json: is not JSON: .+$"):
        design_folder.load(folder)


def test_a_manifest_that_cannot_be_read_is_refused(folder):
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").mkdir()
    with pytest.raises(
        ImageError, match=r"^.*/manifest\.json: is missing; .* is not a design that zeroskip build wrote$"
    ):
        design_folder.load(folder)


@pytest.mark.parametrize("text", ["[]", "3", '{"format": "other"}', "{}"])
def test_a_manifest_of_something_else_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ImageError, match=r"^.*/manifest\.json: is not a zeroskip manifest$"):
        design_folder.load(folder)


@pytest.mark.parametrize("version", [0, VERSION - 1, VERSION + 1, None, str(VERSION)])
def test_another_version_is_refused(folder, version):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": version}))
    match = rf"^.*/manifest\.json: version must be {VERSION}, not {version!r}; build the design again$"
    with pytest.raises(ImageError, match=match):
        design_folder.load(folder)


def cut_layer(manifest: dict[str, Any]) -> None:
    manifest["network"]["layers"].pop()


def cut_tensors(manifest: dict[str, Any]) -> None:
    manifest["network"]["tensors"] = {}


def stretch(manifest: dict[str, Any]) -> None:
    manifest["network"]["layers"][0]["window"]["stride"] = [2, 2]


@pytest.mark.parametrize("change", [cut_layer, cut_tensors, stretch])
def test_an_altered_manifest_is_refused(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(ImageError, match=r"^.*/manifest\.json: was altered; its sha256 is not the one that it states$"):
        design_folder.load(folder)


def setting(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        inner: Any = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


def without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest.pop(key)


@pytest.mark.parametrize("key", ["files", "config", "layers", "inputs", "network", "cycles", "dense_cycles", "verilog"])
def test_a_field_that_is_missing_is_named(folder, key):
    edit_manifest(folder, without(key))
    with pytest.raises(ImageError, match=rf"^.*/manifest\.json: \$: '{key}' is a required property$"):
        design_folder.load(folder)


@pytest.mark.parametrize(
    "change, message",
    [
        (cut_tensors, r"\$\.network\.tensors: \{\} (does not have enough properties|should be non-empty)"),
        (setting("inputs", value="many"), r"\$\.inputs: 'many' is not of type 'integer'"),
        (setting("files", "../outside", value="0" * 64), r"\$\.files: '\.\./outside' does not match .*"),
        (setting("config", "lanes", value=0), r"ArrayConfig\.lanes must be 1 … 64, not 0"),
        (setting("config", "pipes", value=1), r"ArrayConfig: unknown option 'pipes'; allowed are .*"),
        (setting("config", "row_depth", value=0), r"config must be sized, every capacity and feature"),
        (setting("cycles", "layers", value={"a": 3}), r"cycles: must have each of the layers a, b once, not a"),
        (
            setting("network", "layers", 0, "window", "kernel", value=[2, 1]),
            r"layer 'a': weight of shape \(9, 11, 1, 1\) must fit 11 channels in 1 groups under kernel \(2, 1\)",
        ),
        (setting("network", "layers", 0, "window", "padding", value=[1, 0, 0, 0]), r"layer 'a': window gives \(2, 1\), but 'a' is \(1, 1\)"),
        (cut_layer, r"tensor 'b': all of its 5 channels must be written, not 0"),
        (setting("network", "tensors", "a", "shape", value=[8, 1, 1]), r"layer 'a': channels 0 to 9 must lie within the 8 of 'a', and nobody else may write them"),
        (setting("network", "layers", 1, "source", value="c"), r"layer 'b': source 'c' is not among the tensors"),
        (setting("network", "input_shape", value=[12]), r"tensor 'input': shape \(11, 1, 1\) must have as many elements as \(12,\)"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(folder, change, message):
    edit_manifest(folder, change)
    with pytest.raises(ImageError, match=rf"^.*/manifest\.json: ({message})$"):
        design_folder.load(folder)
