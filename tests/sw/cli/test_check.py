"""``zeroskip check``: what would be built, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from zeroskip.cli.check import kind
from zeroskip.cli.main import run
from zeroskip.frontend import capture

MODELS = """
from torch import nn

def good():
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3), nn.Softmax(1))

def bad():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.ConvTranspose2d(4, 4, 2), nn.Flatten(), nn.Linear(144, 3))
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.py"
    path.write_text(MODELS)
    return path


def test_what_can_be_built_is_a_table(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", f"{models}:good", "--input-shape", "1,6,6"]) == 0
    said = capsys.readouterr().out
    assert "Everything can be built" in said
    rows = [" ".join(line.split()) for line in said.splitlines()]
    assert "0 convolution 3×3, stride 2, 1 × 6 × 6 4 × 2 × 2 36 0.0% 144" in rows
    assert "3 fully connected 4 × 2 × 2 3 × 1 × 1 48 0.0% 48" in rows
    assert "total 84 0.0% 192" in rows
    assert "on the host softmax over axis 0" in rows


def test_what_cannot_is_told_with_what_to_do(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", f"{models}:bad", "--input-shape", "1,7,7"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "group_norm '1' not supported; its statistics are those of each sample: train with BatchNorm" in said
    assert "conv_transpose2d '2' not supported; use nearest upsampling and a convolution" in said


def test_json(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", f"{models}:good", "--input-shape", "1,6,6", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["built"]
    assert [(layer["name"], layer["multiplications"]) for layer in told["layers"]] == [("0", 144), ("3", 48)]
    assert told["host"] == ["softmax over axis 0"]
    assert run(["check", f"{models}:bad", "--input-shape", "1,7,7", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["built"]
    assert len(told["refused"]) == 2


def test_the_operators_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--operators"]) == 0
    said = capsys.readouterr().out
    assert "conv1d, conv2d, linear" in said
    assert "QuantizeLinear" in said


def test_bad_usage_is_one_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check"]) == 2
    assert capsys.readouterr().err == "zeroskip: check: MODEL is missing; --operators needs none\n"
    assert run(["check", f"{models}:good"]) == 2
    wanted = "--input-shape: must give the shape of one sample, as 1,28,28; the model does not tell it"
    assert capsys.readouterr().err == f"zeroskip: {wanted}\n"


@pytest.mark.parametrize(
    "model, shape, kinds",
    [
        (nn.MaxPool2d(2), (3, 4, 4), ["maximum 2×2, stride 2"]),
        (nn.AvgPool2d(2), (3, 4, 4), ["sum 2×2, stride 2"]),
        (nn.Conv2d(4, 4, 3, groups=2), (4, 5, 5), ["convolution 3×3, 2 groups"]),
        (nn.Sequential(nn.Conv1d(4, 4, 3, groups=4), nn.LeakyReLU()), (4, 5), ["depthwise 3, leaky ReLU"]),
        (nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU6()), (2, 4, 4), ["convolution 1×1, clip 0 … 6"]),
        (nn.Sequential(nn.Linear(4, 3), nn.SiLU()), (4,), ["fully connected, silu"]),
        (nn.ZeroPad2d(1), (2, 4, 4), ["copy"]),
    ],
)
def test_kinds(model: nn.Module, shape: tuple[int, ...], kinds: list[str]) -> None:
    graph = capture(model, torch.zeros(1, *shape))
    assert [kind(layer, graph) for layer in graph.layers] == kinds
