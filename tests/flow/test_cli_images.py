"""The command line on convolutional networks: from a file of any kind to a design for a part, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from tests.flow.test_cli import refusal

MODEL = """
import torch
from torch import nn

def trained():
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU6(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3, stride=2), nn.SiLU(),
        nn.Flatten(), nn.Linear(4 * 4, 3),
    ).eval()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(MODEL)
    np.save("x.npy", np.random.default_rng(0).normal(size=(20, 2, 12, 11)).astype(np.float32))
    return tmp_path


def onnx_model(path: Path) -> None:
    """A convolution with ReLU and a fully connected layer."""
    generator = np.random.default_rng(2)
    tensors = {"w": (3, 2, 3, 3), "b": (3,), "fc": (3 * 10 * 9, 2)}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("Flatten", ["r"], ["f"], name="flatten"),
        helper.make_node("MatMul", ["f", "fc"], ["y"], name="fc"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 12, 11])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [
            numpy_helper.from_array(generator.normal(size=shape).astype(np.float32), name)
            for name, shape in tensors.items()
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def exported(path: Path) -> None:
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(270, 2))
    torch.export.save(torch.export.export(model.eval(), (torch.zeros(1, 2, 12, 11),)), path)


def test_build_for_a_part_shows_what_was_chosen_and_from_what(zeroskip, place: Path) -> None:
    arguments = (
        "--calibration",
        "x.npy",
        "--method",
        "magnitude",
        "--sparsity",
        0.5,
        "--target",
        "ecp5-25k",
        "--out",
        "d",
    )
    status, out, said = zeroskip("build", "net.py:trained", *arguments)
    assert status == 0, said
    assert "Arrays for ecp5-25k, lanes × columns" in out
    assert out.count("chosen") == 1
    report = json.loads(Path("d/report.json").read_text())
    chosen = report["fit"]["chosen"]
    config = json.loads(Path("d/manifest.json").read_text())["config"]
    memory = report["memory"]
    assert memory["peak"] <= config["hidden_depth"]
    assert memory["peak"] <= memory["apart"] == sum(memory["tensors"].values())
    assert f"{memory['peak']:,} addresses × {config['columns']} bytes" in out
    assert (config["lanes"], config["columns"]) == (chosen["lanes"], chosen["columns"])
    assert f"{chosen['lanes']} × {chosen['columns']}" in out


def test_lanes_and_columns_that_are_given_stay(zeroskip, place: Path) -> None:
    Path("array.toml").write_text("columns = 3\nword = 16\n")
    arguments = ("--calibration", "x.npy", "--target", "ecp5-25k", "--lanes", 2, "--config", "array.toml", "--out", "d")
    status, _, said = zeroskip("build", "net.py:trained", *arguments)
    assert status == 0, said
    config = json.loads(Path("d/manifest.json").read_text())["config"]
    assert (config["lanes"], config["columns"], config["word"]) == (2, 3, 16)
    assert {c["lanes"] for c in json.loads(Path("d/report.json").read_text())["fit"]["candidates"]} == {2}


@pytest.mark.parametrize(
    "options, expected",
    [
        (["--target", "virtex"], "zeroskip: target must be one of ecp5-25k, "),
        (
            ["--target", "ice40-up5k", "--lanes", "64", "--columns", "16"],
            "zeroskip: ice40-up5k (iCE40UP5K): 64 lanes × 16 columns, 1 epilogue are the smallest array considered and do not fit by estimate: needs ",
        ),
        (["--columns", "17"], "zeroskip: ArrayConfig.columns must be 1 … 16, not 17"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(zeroskip, place: Path, options: list[str], expected: str) -> None:
    status, _, said = zeroskip("build", "net.py:trained", "--calibration", "x.npy", *options, "--out", "d")
    assert status == 2
    assert refusal(said).startswith(expected), said
    assert not Path("d").exists()


@pytest.mark.slow
@pytest.mark.verilator
@pytest.mark.parametrize("kind", ["py", "pt2", "onnx"])
def test_from_a_file_to_a_simulation_that_is_exact(zeroskip, place: Path, kind: str) -> None:
    onnx_model(place / "net.onnx")
    exported(place / "net.pt2")
    model = {"py": "net.py:trained", "pt2": "net.pt2", "onnx": "net.onnx"}[kind]
    arguments = ("--calibration", "x.npy", "--lanes", 2, "--columns", 4, "--out", "d")
    assert zeroskip("build", model, *arguments)[0] == 0
    status, out, said = zeroskip("sim", "d", "--samples", 4)
    assert status == 0, said
    assert "4 samples equal the reference" in out
    report = json.loads(Path("d/sim/verilator/report.json").read_text())
    assert report["predicted"] == report["simulated"]
