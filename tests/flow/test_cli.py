"""The command line: what it prints, what it leaves behind, and its exit statuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tests.sw.storage.manifests import edit_manifest, sign_again

MODEL = """
import torch
from torch import nn

def trained():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 5)).eval()

def unsupported():
    return nn.Sequential(nn.GroupNorm(1, 1), nn.Conv2d(1, 2, 3), nn.ConvTranspose2d(2, 2, 2), nn.Flatten())
"""


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", generator.normal(size=(40, 12)).astype(np.float32))
    np.save(tmp_path / "y.npy", generator.integers(0, 5, size=40))
    return tmp_path


@pytest.fixture
def design(zeroskip, place) -> Path:
    out = place / "design"
    options = ("--calibration", place / "x.npy", "--method", "magnitude", "--sparsity", 0.8, "--lanes", 2, "--out", out)
    status, _, said = zeroskip("build", f"{place / 'net.py'}:trained", *options)
    assert status == 0, said
    return out


def test_build_writes_a_whole_design_and_says_what_it_is(zeroskip, place, design):
    for name in ("manifest.json", "network.safetensors", "report.json", "inputs.npy", "rtl/zeroskip.v", "rtl/zs_ram.v"):
        assert (design / name).is_file(), name
    report = json.loads((design / "report.json").read_text())
    assert [layer["weights"] for layer in report["layers"]] == [240, 100]
    assert report["total"]["kept"] == 48 + 20
    assert report["total"]["nnz"] <= 48 + 20
    assert list(place.glob(".design*")) == []


def test_build_takes_masks_that_prune_wrote(zeroskip, place):
    model = f"{place / 'net.py'}:trained"
    masks = place / "masks.safetensors"
    status, out, _ = zeroskip("prune", model, "--sparsity", 0.5, "--layer", "2=0.9", "--out", masks)
    assert status == 0
    assert "90.00%" in out
    assert json.loads(masks.with_suffix(".json").read_text())[1]["kept"] == 10
    built = place / "masked"
    status, out, _ = zeroskip("build", model, "--calibration", place / "x.npy", "--masks", masks, "--out", built)
    assert status == 0
    assert [layer["kept"] for layer in json.loads((built / "report.json").read_text())["layers"]] == [120, 10]


@pytest.mark.parametrize("method", ["gradient", "snip", "taylor"])
def test_prune_by_gradient(zeroskip, place, method):
    data = ("--inputs", place / "x.npy", "--labels", place / "y.npy")
    options = ("--method", method, "--sparsity", 0.5, "--allocation", "global", "--out", place / "masks.npz")
    assert zeroskip("prune", f"{place / 'net.py'}:trained", *data, *options)[0] == 0


def test_an_array_comes_from_preset_file_and_options_in_this_order(zeroskip, place):
    (place / "array.toml").write_text("lanes = 3\nword = 16\n")
    options = ("--preset", "batch", "--config", place / "array.toml", "--word", 8, "--calibration", place / "x.npy")
    assert zeroskip("build", f"{place / 'net.py'}:trained", *options, "--out", place / "d")[0] == 0
    config = json.loads((place / "d" / "manifest.json").read_text())["config"]
    assert (config["lanes"], config["columns"], config["word"]) == (3, 8, 8)


@pytest.mark.verilator
def test_sim_confirms_the_design(zeroskip, design, require_tool):
    require_tool("g++")
    status, out, said = zeroskip("sim", design, "--samples", 3)
    assert status == 0, said
    assert "3 samples equal the reference" in out
    report = json.loads((design / "sim" / "verilator" / "report.json").read_text())
    assert report["equal"]
    assert report["predicted"] == report["simulated"]
    cases = junit(design / "sim" / "verilator" / "results.xml")
    assert list(cases) == [
        "outputs",
        "registers",
        "errors",
        "latency",
        "interval",
        "cycles of layer '0'",
        "cycles of layer '2'",
    ]
    assert set(cases.values()) == {None}


def junit(path: Path) -> dict[str, str | None]:
    """Case → what failed. The counts that CI shows must be those of the cases."""
    suite = ElementTree.parse(path).getroot()
    cases = {case.get("name", ""): getattr(case.find("failure"), "text", None) for case in suite.iter("testcase")}
    for element in (suite, *suite.iter("testsuite")):
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(sum(failure is not None for failure in cases.values()))
    return cases


@pytest.mark.verilator
def test_a_wrong_prediction_fails_in_every_report(zeroskip, design):
    edit_manifest(
        design, lambda manifest: manifest["cycles"]["layers"].update({"2": manifest["cycles"]["layers"]["2"] + 1})
    )
    status, _, said = zeroskip("sim", design, "--samples", 3)
    assert status == 1
    found = refusal(said)
    assert re.fullmatch(rf"zeroskip: {design}: cycles of layer '2': predicted (\d+), simulated (\d+)", found), found
    assert not json.loads((design / "sim" / "verilator" / "report.json").read_text())["equal"]
    failed = {name: failure for name, failure in junit(design / "sim" / "verilator" / "results.xml").items() if failure}
    assert list(failed) == ["cycles of layer '2'"]


@pytest.mark.verilator
def test_with_stalls_the_layers_are_checked_alone(zeroskip, design):
    status, _, said = zeroskip("sim", design, "--samples", 3, "--stalls")
    assert status == 0, said
    assert list(junit(design / "sim" / "verilator" / "results.xml")) == [
        "outputs", "registers", "errors", "cycles of layer '0'", "cycles of layer '2'",
    ]  # fmt: skip


@pytest.mark.icarus
def test_sim_exits_1_and_names_the_place_when_rtl_and_reference_differ(zeroskip, design, require_tool):
    require_tool("iverilog")
    path = design / "network.safetensors"
    arrays = load_file(path)
    arrays["0.bias"] = arrays["0.bias"] + 4000
    save_file(arrays, path)
    sign_again(design)
    status, _, said = zeroskip("sim", design, "--simulator", "icarus", "--samples", 2, "--seed", 7)
    assert status == 1
    assert "first wrong in layer '0', row " in said
    for part in ("column 0", "expected ", "got ", "cycle ", "seed 7"):
        assert part in said
    assert "Traceback" not in said


def refusal(said: str) -> str:
    """The one line behind the progress."""
    lines = [line for line in said.splitlines() if not line.startswith("…")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["build", "NET:trained"], "zeroskip: --calibration: must name a .npy file of inputs; "),
        (["build", "NET:absent", "--calibration", "X"], "zeroskip: "),
        (["build", "missing.py:trained", "--calibration", "X"], "zeroskip: model 'missing.py': no such file"),
        (["build", "NET:trained", "--calibration", "none.npy"], "zeroskip: --calibration: none.npy: cannot be read: "),
        (["build", "NET:trained", "--calibration", "NET"], "zeroskip: --calibration: "),
        (["build", "NET:trained", "--calibration", "X", "--lanes", "65"], "zeroskip: ArrayConfig.lanes must be 1 … 64, not 65"),
        (["build", "NET:trained", "--calibration", "X", "--preset", "huge"], "zeroskip: --preset: must be one of tiny, "),
        (["build", "NET:trained", "--calibration", "X", "--sparsity", "1.5", "--method", "magnitude"], "zeroskip: sparsity"),
        (["build", "NET:trained", "--calibration", "X", "--sparsity", "0.5"], "zeroskip: --method and --sparsity"),
        (["build", "NET:trained", "--calibration", "X", "--input-shape", "a,b"], "zeroskip: --input-shape: must be positive"),
        (["build", "NET:trained", "--calibration", "X", "--image-format", "elf"], "zeroskip: image format must be one of "),
        (["build", "NET:trained", "--calibration", "X", "--masks", "none.npz"], "zeroskip: "),
        (["build", "NET:trained", "--calibration", "X", "--masks", "m", "--method", "magnitude"], "zeroskip: --masks: cannot"),
        (["build", "NET:unsupported", "--calibration", "X", "--input-shape", "1,5,5"], "zeroskip: group_norm '0'"),
        (["build", "net.onnx", "--calibration", "X"], "zeroskip: "),
        (["prune", "NET:trained", "--layer", "2", "--sparsity", "0.5"], "zeroskip: --layer: must be NAME=SPARSITY"),
        (["prune", "NET:trained", "--method", "gradient", "--sparsity", "0.5"], "zeroskip: --method gradient: needs --inputs"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(zeroskip, place, monkeypatch, arguments, expected):
    monkeypatch.chdir(place)
    words = {"X": "x.npy", "NET": "net.py", "NET:trained": "net.py:trained", "NET:absent": "net.py:absent"}
    words["NET:unsupported"] = "net.py:unsupported"
    status, _, said = zeroskip(*[words.get(word, word) for word in arguments], "--out", "out.npz")
    assert status == 2, said
    assert refusal(said).startswith(expected), said
    assert "Traceback" not in said
    assert not (place / "out.npz").exists()


def test_all_unsupported_operators_are_named_at_once(zeroskip, place):
    options = ("--calibration", place / "x.npy", "--input-shape", "1,5,5", "--out", place / "d")
    _, _, said = zeroskip("build", f"{place / 'net.py'}:unsupported", *options)
    assert "'0'" in refusal(said)
    assert "'2'" in refusal(said)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["sim", "nowhere"], "zeroskip: nowhere/manifest.json: is missing; "),
        (["sim", "design", "--samples", "0"], "zeroskip: --samples: must be at least 1, not 0"),
        (["sim", "design", "--inputs", "wrong.npy"], "zeroskip: input: shape must be (N, 12), not (4, 7)"),
        (["synth", "design", "--target", "virtex"], "zeroskip: "),
    ],
)
def test_a_design_that_cannot_be_used_is_refused(zeroskip, place, design, monkeypatch, arguments, expected):
    monkeypatch.chdir(place)
    np.save("wrong.npy", np.zeros((4, 7)))
    status, _, said = zeroskip(*arguments)
    assert status == 2, said
    assert refusal(said).startswith(expected), said


def test_an_altered_image_is_refused_by_name(zeroskip, design):
    image = design / "images" / "rows0.mem"
    image.write_text(image.read_text().replace("0", "1", 1))
    status, _, said = zeroskip("sim", design)
    assert status == 2
    assert refusal(said) == f"zeroskip: {image}: was altered; its sha256 is not the manifest's"


def test_a_missing_simulator_is_named_with_the_command_that_installs_it(zeroskip, design, monkeypatch):
    monkeypatch.setattr("zeroskip_sim.build.shutil.which", lambda name: None)
    status, _, said = zeroskip("sim", design, "--simulator", "icarus")
    assert status == 2
    assert refusal(said) == "zeroskip: icarus: 'iverilog' is missing; install it with: apt-get install iverilog"


def test_wrong_usage_is_status_2_and_help_teaches(zeroskip):
    assert zeroskip("build")[0] == 2
    assert zeroskip("nothing")[0] == 2
    status, out, _ = zeroskip("build", "--help")
    assert status == 0
    for word in ("--calibration", "--sparsity", "--lanes", "Example"):
        assert word in out


def test_demo_functions_train_under_the_mask():
    from zeroskip import demo

    digits = demo.Digits.load()
    assert len(digits.train_x) + len(digits.test_x) == 1797
    assert digits.train_x.shape[1:] == (8, 8)
    assert torch.unique(digits.test_y).tolist() == list(range(10))
