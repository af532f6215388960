"""Accuracy is shown where it is lost: by build, prune and sim, on test data that the user gives."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs
from zeroskip import prune

MODEL = """
import torch
from torch import nn

def trained():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 4))
    x = torch.randn(400, 10, generator=torch.Generator().manual_seed(1))
    y = x[:, :4].argmax(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    x = torch.randn(300, 10, generator=torch.Generator().manual_seed(2)).numpy()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x[:, :4].argmax(1))
    np.save(tmp_path / "few.npy", x[:20, :4].argmax(1))
    np.save(tmp_path / "wide.npy", np.zeros((300, 7), dtype=np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


BUILD = ("build", "net.py:trained", "--calibration", "x.npy", "--lanes", 2)
TEST = ("--test-inputs", "x.npy", "--test-labels", "y.npy")


def percent(text: str, kind: str) -> float:
    return float(text.split(f"{kind} ")[1].split("%")[0])


@pytest.mark.verilator
@pytest.mark.parametrize("method", ["magnitude", "obs"])
def test_build_and_sim_show_the_accuracy_of_each_step(zeroskip, home, method):
    shown = ("--method", method, "--sparsity", 0.8, "--inputs", "x.npy")
    status, out, said = zeroskip(*BUILD, *shown, *TEST, "--out", "net")
    assert status == 0, said
    report = json.loads((home / "net" / "report.json").read_text())["accuracy"]
    assert report["samples"] == 300
    out = " ".join(out.split())
    for kind in ("float dense", "float masked", "integer masked"):
        assert percent(out, kind) == round(100 * report[kind], 2)
    assert report["float dense"] > 0.9
    assert ("pruning cost" in out) == (report["float dense"] - report["float masked"] > 0.02)
    assert ("--method obs lets" in out) == ("pruning cost" in out and method == "magnitude")

    x, y = np.load("x.npy"), np.load("y.npy")
    design = zs.Design.load("net")
    assert report["integer masked"] == (design.reference(x).argmax(1) == y).mean()
    status, out, said = zeroskip("sim", "net", *TEST)
    assert status == 0, said
    out = " ".join(out.split())
    assert percent(out, "float dense") == round(100 * report["float dense"], 2)
    assert percent(out, "RTL") == percent(out, "integer masked") == round(100 * report["integer masked"], 2)
    simulated = json.loads((home / "net" / "sim" / "verilator" / "report.json").read_text())["accuracy"]
    assert set(simulated) == {"float dense", "float masked", "integer masked", "RTL"}


@pytest.mark.verilator
def test_figures_of_other_test_data_are_not_mixed(zeroskip, home):
    assert zeroskip(*BUILD, *TEST, "--out", "net")[0] == 0
    status, out, _ = zeroskip("sim", "net", *TEST, "--samples", 5)
    assert status == 0
    assert "integer masked" in out
    assert "float" not in out


def test_without_test_data_the_user_is_told_how_to_measure(zeroskip, home):
    status, out, _ = zeroskip(*BUILD, "--method", "magnitude", "--sparsity", 0.8, "--out", "net")
    assert status == 0
    assert "not measured; --test-inputs and --test-labels show" in " ".join(out.split())
    assert "accuracy" not in json.loads((home / "net" / "report.json").read_text())


def test_prune_shows_what_it_cost(zeroskip, home):
    from zeroskip.explore.accuracy import TestData

    status, out, said = zeroskip("prune", "net.py:trained", "--sparsity", 0.8, *TEST, "--out", "m.npz")
    assert status == 0, said
    model = zs.load_model("net.py:trained").eval()
    test = TestData.of(np.load("x.npy"), np.load("y.npy"))
    dense = test.float_accuracy(model)
    prune.apply(model, prune.magnitude(model, 0.8))
    out = " ".join(out.split())
    assert percent(out, "float dense") == round(100 * dense, 2)
    assert percent(out, "float masked") == round(100 * test.float_accuracy(model), 2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--test-inputs", "x.npy"), "--test-inputs and --test-labels: must be given together"),
        (("--test-labels", "y.npy"), "--test-inputs and --test-labels: must be given together"),
        (
            ("--test-inputs", "x.npy", "--test-labels", "few.npy"),
            "--test-labels: few.npy: test: labels must be class numbers, one for each of 300 inputs, not int64 of shape (20,)",
        ),
        (
            ("--test-inputs", "wide.npy", "--test-labels", "y.npy"),
            "test: the model refuses inputs of shape (300, 7): mat1 and mat2 shapes cannot be multiplied (250x7 and 10x24)",
        ),
        (
            ("--test-inputs", "none.npy", "--test-labels", "y.npy"),
            "--test-inputs: none.npy: cannot be read: No such file or directory",
        ),
    ],
)
def test_bad_test_data_are_one_line(zeroskip, home, arguments, message):
    status, _, said = zeroskip(*BUILD, *arguments, "--out", "net")
    assert status == 2
    assert [line for line in said.splitlines() if not line.startswith("…")] == [f"zeroskip: {message}"]
    assert not (home / "net").exists()


def test_sim_refuses_two_kinds_of_inputs(zeroskip, home):
    assert zeroskip(*BUILD, "--out", "net")[0] == 0
    status, _, said = zeroskip("sim", "net", "--inputs", "x.npy", *TEST)
    assert (status, said) == (2, "zeroskip: --inputs: cannot be combined with --test-inputs\n")


def test_a_model_in_training_mode_is_measured_in_evaluation_mode():
    from zeroskip.explore.accuracy import TestData

    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9)).train()
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(4))
        model[0].bias.zero_()
    x = torch.randn(50, 4)
    test = TestData.of(x.numpy(), x.argmax(1).numpy())
    assert test.float_accuracy(model) == 1.0
    assert model.training
    assert model[1].training


def test_an_exported_model_is_measured_too(zeroskip, home):
    model = zs.load_model("net.py:trained").eval()
    torch.export.save(
        torch.export.export(model, (torch.zeros(2, 10),), dynamic_shapes=({0: torch.export.Dim("n")},)), "net.pt2"
    )
    status, out, said = zeroskip("build", "net.pt2", "--calibration", "x.npy", *TEST, "--out", "net")
    assert status == 0, said
    assert percent(" ".join(out.split()), "float dense") > 90
