"""``zeroskip images``: newly pruned weights for an array that exists, or a refusal with both figures."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.flow.test_cli import MODEL, refusal

import zeroskip as zs
from zeroskip.cli.main import run
from zeroskip.contracts.payload import Payload
from zeroskip.frontend import load_model
from zeroskip.storage.payload_folder import read_payload

MODELED = ("net.py:trained", "--calibration", "x.npy", "--method", "magnitude")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A design at 60 % sparsity in ``d``, beside its model and its calibration."""
    place = tmp_path_factory.mktemp("built")
    with contextlib.chdir(place):
        Path("net.py").write_text(MODEL)
        generator = np.random.default_rng(0)
        np.save("x.npy", generator.normal(size=(40, 12)).astype(np.float32))
        np.save("y.npy", generator.integers(0, 5, size=40))
        assert run(["build", *MODELED, "--sparsity", "0.6", "--lanes", "2", "--out", "d"]) == 0
    return place


@pytest.fixture
def place(built: Path, tmp_path: Path, monkeypatch) -> Path:
    """A copy of it."""
    copy = Path(shutil.copytree(built, tmp_path / "place"))
    monkeypatch.chdir(copy)
    return copy


def test_new_masks_make_images_for_the_array_that_exists(zeroskip, place: Path) -> None:
    assert zeroskip("prune", "net.py:trained", "--sparsity", 0.8, "--out", "new.safetensors")[0] == 0
    options = ("--calibration", "x.npy", "--masks", "new.safetensors", "--image-format", "bin", "--name", "pruned")
    status, out, said = zeroskip(
        "images", "d", "net.py:trained", *options, "--test-inputs", "x.npy", "--test-labels", "y.npy", "--out", "new"
    )
    assert status == 0, said
    config = zs.ArrayConfig.from_json(json.loads(Path("d/manifest.json").read_text())["config"])
    model, x = load_model("net.py:trained"), np.load("x.npy")
    masks = zs.prune.magnitude(model, 0.8)
    wanted = Payload.of(zs.compile(model, torch.zeros(1, 12), calibration=x, masks=masks, config=config))
    got = read_payload(Path("new"))
    assert (got.config, dict(got.images), got.cycles) == (config, dict(wanted.images), wanted.cycles)
    manifest = json.loads(Path("new/manifest.json").read_text())
    assert manifest["config_id"] == json.loads(Path("d/rtl/zeroskip.json").read_text())["config_id"]
    assert f"CRC-32 {manifest['crc']:#010x}" in out
    assert f"CONFIG_ID {manifest['config_id']:#010x}" in out
    assert "integer masked" in out
    assert "static const zeroskip_network pruned = {" in Path("new/pruned.h").read_text()
    report = json.loads(Path("new/report.json").read_text())
    assert [layer["kept"] for layer in report["layers"]] == [48, 20]
    assert "accuracy" in report
    assert {path.suffix for path in Path("new/images").rglob("*.*")} == {".mem", ".bin"}
    assert not list(Path("new").rglob("*.v"))
    assert zeroskip("images", "new", *MODELED, "--sparsity", 0.9, "--out", "new")[0] == 0  # images name their array too
    assert sum(layer["kept"] for layer in json.loads(Path("new/report.json").read_text())["layers"]) == 34
    assert list(place.glob(".new*")) == []


def test_weights_that_do_not_fit_are_refused_with_both_figures(zeroskip, place: Path) -> None:
    depths = json.loads(Path("d/manifest.json").read_text())["config"]
    status, _, said = zeroskip("images", "d", "net.py:trained", "--calibration", "x.npy", "--out", "new")
    assert status == 2
    found = re.fullmatch(
        r"zeroskip: d: its array cannot hold these weights: ArrayConfig\.(\w+) must be at least (\d+) for this network, not (\d+)",
        refusal(said),
    )
    assert found, said
    assert int(found[2]) > int(found[3]) == depths[found[1]]
    assert not Path("new").exists()


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["d", *MODELED, "--sparsity", "0.9", "--name", "New"], "name of a design in C must be lower-case letters, digits and _"),
        (["d", *MODELED, "--sparsity", "0.9", "--name", "int"], "name of a design in C must not be a keyword"),
        (["d", *MODELED, "--sparsity", "0.9", "--image-format", "elf"], "image format must be one of mem, hex, coe, mif, bin, not 'elf'"),
        (["d", *MODELED, "--sparsity", "0.9", "--masks", "m"], "--masks: cannot be combined with --method or --layer"),
        (["d", "net.py:trained"], "--calibration: must name a .npy file of inputs"),
        (["none", *MODELED, "--sparsity", "0.9"], "none/manifest.json: is missing; none is not a folder that zeroskip build or"),
        (["d", *MODELED, "--sparsity", "0.9", "--out", "d"], "d: is not empty and not a folder of zeroskip images; choose another folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    zeroskip, place: Path, arguments: list[str], expected: str
) -> None:
    before = sorted(place.rglob("*"))
    status, _, said = zeroskip("images", *arguments, *([] if "--out" in arguments else ["--out", "new"]))
    assert status == 2
    assert refusal(said).startswith(f"zeroskip: {expected}"), said
    assert [path for path in sorted(place.rglob("*")) if "__pycache__" not in str(path)] == before


def test_a_design_that_was_altered_is_refused(zeroskip, place: Path) -> None:
    Path("d/images/merge.mem").write_text("@0\n")
    status, _, said = zeroskip("images", "d", *MODELED, "--sparsity", 0.9, "--out", "new")
    assert (status, refusal(said)) == (2, "zeroskip: d/images/merge.mem: was altered; its sha256 is not the manifest's")
