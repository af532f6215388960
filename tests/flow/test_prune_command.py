"""``zeroskip prune``: sparsities, budgets and comparisons from the command line, and what ``zeroskip build`` makes of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file as load_numbers
from safetensors.torch import load_file, save_file

MODEL = """
import torch
from torch import nn

def trained():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5)).eval()
"""
ARRAY = ("--lanes", 2, "--columns", 2)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    generator = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", generator.normal(size=(80, 1, 6, 6)).astype(np.float32))
    np.save(tmp_path / "y.npy", generator.integers(0, 5, size=80))
    monkeypatch.chdir(tmp_path)
    return tmp_path


DATA = ("--inputs", "x.npy", "--labels", "y.npy")
TEST = ("--test-inputs", "x.npy", "--test-labels", "y.npy")


def built(zeroskip, *options: object) -> dict:
    status, _, said = zeroskip("build", "net.py:trained", "--calibration", "x.npy", *ARRAY, *options, "--out", "built")
    assert status == 0, said
    return json.loads(Path("built/report.json").read_text())


def test_a_budget_of_cycles_is_what_the_design_takes(zeroskip, place):
    options = ("--budget", "cycles=60%", *DATA, *ARRAY, "--out", "masks.safetensors")
    status, out, said = zeroskip("prune", "net.py:trained", *options)
    assert status == 0, said
    report = built(zeroskip, "--masks", "masks.safetensors")
    assert report["interval"] <= 0.6 * report["dense_interval"]
    assert (
        f"{report['interval']:,} = {report['interval'] / report['dense_interval']:.2%} of {report['dense_interval']:,}"
        in out
    )
    assert [row["name"] for row in json.loads(Path("masks.json").read_text())] == ["0.weight", "4.weight"]
    _, _, again = zeroskip("prune", "net.py:trained", *options)
    assert "sensitivity" in said
    assert "sensitivity" not in again


def test_a_sparsity_with_calibration_shows_the_cycles_of_the_design(zeroskip, place):
    options = ("--sparsity", 0.7, "--exclude", "0", "--calibration", "x.npy", *ARRAY, "--out", "m.npz")
    status, out, said = zeroskip("prune", "net.py:trained", *options)
    assert status == 0, said
    assert [row["sparsity"] for row in json.loads(Path("m.json").read_text())] == [0, 0.7]
    assert f"{built(zeroskip, '--masks', 'm.npz')['interval']:,} cycles" in out


@pytest.mark.parametrize("options", [("--method", "obs"), ("--reestimate",)])
def test_changed_weights_are_saved_and_built(zeroskip, place, options):
    given = ("--sparsity", 0.5, *DATA, *options, "--calibration", "x.npy", *ARRAY)
    status, out, said = zeroskip("prune", "net.py:trained", *given, "--weights", "w.safetensors", "--out", "m.npz")
    assert status == 0, said
    report = built(zeroskip, "--weights", "w.safetensors", "--masks", "m.npz")
    assert f"{report['interval']:,} cycles" in out
    plain = load_file("w.safetensors")
    status, _, said = zeroskip(
        "prune", "net.py:trained", "--sparsity", 0.5, "--weights", "w.safetensors", "--out", "n.npz"
    )
    assert status == 0, said
    assert any((plain[name] != value).any() for name, value in load_file("w.safetensors").items())


def test_build_prunes_by_a_method_that_changes_the_kept_weights(zeroskip, place):
    options = ("--method", "obs", "--sparsity", 0.5, "--inputs", "x.npy", "--weights", "w.safetensors")
    assert zeroskip("prune", "net.py:trained", *options, "--out", "m.npz")[0] == 0
    apart = built(zeroskip, "--weights", "w.safetensors", "--masks", "m.npz")
    weights = load_numbers("built/network.safetensors")
    together = built(zeroskip, *options[:-2])
    assert together == apart
    assert all((weights[name] == value).all() for name, value in load_numbers("built/network.safetensors").items())


def test_a_comparison_is_written_and_goes_on(zeroskip, place):
    pytest.importorskip("matplotlib")
    options = (
        "--compare",
        "magnitude,taylor",
        "--sparsity",
        "0.5,0.75",
        "--pattern",
        "unstructured,nm:4",
        *DATA,
        *TEST,
        *ARRAY,
    )
    status, out, said = zeroskip("prune", "net.py:trained", *options, "--out", "deep/compare")
    assert status == 0, said
    rows = json.loads(Path("deep/compare/compare.json").read_text())["rows"]
    assert len(rows) == 1 + 2 * 2 * 2
    assert all(f"{row['interval']:,}" in out for row in rows)
    assert {path.name for path in Path("deep/compare").iterdir()} == {
        "compare.json", "rows.json", "compare.png", "compare.svg"
    }  # fmt: skip
    status, _, said = zeroskip("prune", "net.py:trained", *options, "--sparsity", "0.5,0.6", "--out", "deep/compare")
    assert status == 0, said
    assert sum(" of 9: " in line for line in said.splitlines()) == 4


def test_without_matplotlib_the_figures_come_all_the_same(zeroskip, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    options = ("--compare", "magnitude", "--sparsity", "0.5", *DATA, *TEST, "--out", "compare")
    status, out, said = zeroskip("prune", "net.py:trained", *options)
    assert status == 0, said
    assert "not drawn: matplotlib is missing; install it with: pip install 'zeroskip[plot]'" in out
    assert Path("compare/compare.json").is_file()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--sparsity: must be given, or --layer or --budget"),
        (["--sparsity", "half"], "--sparsity: must be a number, or several with commas between, not 'half'"),
        (["--sparsity", "0.5,,0.6"], "--sparsity: must be one or several with commas between, not '0.5,,0.6'"),
        (["--sparsity", "0.5,0.6"], "--sparsity: takes several only with --compare, not '0.5,0.6'"),
        (["--sparsity", "0.5", "--allocation", "uniform,erk"], "--allocation: must be one of uniform, global, erk, lamp, or with --compare several, not 'uniform,erk'"),
        (["--sparsity", "0.5", "--pattern", "nm:4,nm:8"], "pattern must be one of unstructured, nm:M, block:RxC, channel, balanced:R, not 'nm:4,nm:8'"),
        (["--sparsity", "0.5", "--test-inputs", "x.npy"], "--test-inputs and --test-labels: must be given together"),
        (["--sparsity", "0.5", "--method", "obs", "--inputs", "x.npy"], "--method obs: changes what is kept of the model too; name a file for it with --weights"),
        (["--sparsity", "0.5", "--reestimate"], "--reestimate: changes what is kept of the model too; name a file for it with --weights"),
        (["--sparsity", "0.5", "--reestimate", "--weights", "w.safetensors"], "--reestimate: needs --inputs"),
        (["--sparsity", "0.5", "--weights", "w.pt"], "weights file 'w.pt': suffix must be .safetensors, not '.pt'"),
        (["--sparsity", "0.5", "--exclude", "7"], "exclude: unknown name '7'; allowed are 0.weight, 4.weight"),
        (["--budget", "cycles=40%"], "--budget: needs --inputs and --labels, by which the layers' losses are measured"),
        (["--budget", "cycles"], "budget must be weights, bits, cycles with an amount or a share of dense, as cycles=120000 or cycles=40%, not 'cycles'"),
        (["--budget", "cycles=40%", "--sparsity", "0.5"], "--budget: cannot be combined with --sparsity"),
        (["--budget", "cycles=40%", "--layer", "0=0.5"], "--budget: cannot be combined with --layer"),
        (["--budget", "cycles=40%", "--allocation", "erk"], "--budget: cannot be combined with --allocation"),
        (["--compare", "magnitude", "--sparsity", "0.5"], "--compare: needs --sparsity, --test-inputs and --test-labels"),
        (["--compare", "magnitude", "--sparsity", "0.5", *TEST], "--calibration: must name a .npy file of inputs, since there are no --inputs to take instead"),
        (["--compare", "taylor", "--sparsity", "0.5", *TEST, "--calibration", "x.npy"], "criterion 'taylor' needs batches of inputs and targets"),
        (["--compare", "magnitude", "--budget", "cycles=40%"], "--compare: cannot be combined with --budget"),
        (["--compare", "magnitude", "--method", "snip"], "--compare: cannot be combined with --method"),
        (["--compare", "magnitude", "--weights", "w.safetensors"], "--compare: cannot be combined with --weights"),
    ],
)  # fmt: skip
def test_bad_options_are_one_line_and_status_2(zeroskip, place, arguments, message):
    status, _, said = zeroskip("prune", "net.py:trained", *arguments, "--out", "m.npz")
    assert status == 2, said
    assert [line for line in said.splitlines() if not line.startswith("…")] == [f"zeroskip: {message}"]
    assert not Path("m.npz").is_file()


def test_masks_that_could_not_be_written_are_refused_before_the_work(zeroskip, place):
    options = ("--budget", "cycles=40%", *DATA)
    status, _, said = zeroskip("prune", "net.py:trained", *options, "--out", "none/m.npz")
    assert (status, said) == (2, "zeroskip: masks file 'none/m.npz': the folder does not exist\n")


def test_build_refuses_weights_of_another_model(zeroskip, place):
    status, _, said = zeroskip(
        "prune", "net.py:trained", "--sparsity", 0.5, "--weights", "w.safetensors", "--out", "n.npz"
    )
    assert status == 0, said
    state = load_file("w.safetensors")
    del state["4.bias"]
    save_file(state, "w.safetensors")
    options = ("--calibration", "x.npy", "--weights", "w.safetensors", "--out", "d")
    status, _, said = zeroskip("build", "net.py:trained", *options)
    assert status == 2
    assert said.splitlines()[-1] == "zeroskip: weights file 'w.safetensors': has no '4.bias', which the model has"
