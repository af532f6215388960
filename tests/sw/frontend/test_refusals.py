"""Capture: whatever cannot be built exactly is refused, all of it at once, by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune

from zeroskip.frontend import capture
from zeroskip.spec.errors import InputError, UnsupportedError

SUPPORTED = r"not supported; supported are linear, batch_norm, relu, flatten, view, reshape, dropout, identity"
BRANCH = r"must take the result of the operator before it; branches are not supported"


class Forward(nn.Module):
    """Linear layers fc1 … fc3 of width 4, BatchNorm bn, and a forward given as a function."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(4, 4) for _ in range(3))
        self.bn = nn.BatchNorm1d(4)
        self.mask = nn.Buffer(torch.ones(4, 4))
        self._run = forward

    def forward(self, x: torch.Tensor) -> Any:
        return self._run(self, x)


def refuse(model: nn.Module, *shape: int, match: str) -> None:
    with pytest.raises(UnsupportedError, match=f"^{match}$"):
        capture(model, torch.zeros(*shape))


def test_every_unsupported_operator_is_listed_at_once():
    features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential()
    model.add_module("features", features)
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Sequential(nn.Linear(18, 5), nn.Sigmoid(), nn.Linear(5, 2)))
    refuse(
        model, 1, 1, 8, 8,
        match=f"conv2d 'features.0': {SUPPORTED}; max_pool2d 'features.2': {SUPPORTED}; sigmoid 'head.1': {SUPPORTED}",
    )  # fmt: skip


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: m.fc1(x) + x, f"add 'add': {SUPPORTED}"),
        (lambda m, x: m.fc1(x) + m.fc2(x), f"linear 'fc2': {BRANCH}; add 'add': {SUPPORTED}"),
        (lambda m, x: F.log_softmax(m.fc1(x), 1), f"log_softmax 'log_softmax': {SUPPORTED}"),
        (lambda m, x: m.fc1(x) @ m.mask, f"matmul 'matmul': {SUPPORTED}"),
        (lambda m, x: m.fc2(torch.relu(x)), r"relu 'relu': must follow a linear layer, not the network's input"),
        (
            lambda m, x: m.fc2(m.bn(x).relu()),
            r"relu 'relu': must follow a linear layer, not batch_norm 'bn', which has none to fold into",
        ),
        (
            lambda m, x: m.bn(m.fc1(x).relu()),
            r"batch_norm 'bn': must directly follow a linear layer or have one after it, to be folded into",
        ),
        (lambda m, x: x.flatten(1), r"model: must hold at least one linear layer"),
        (lambda m, x: m.bn(x), r"batch_norm 'bn': must directly follow a linear layer .*"),
        (lambda m, x: F.relu6(m.fc1(x)), r"\w+ '\w+': not supported; .*"),
        (lambda m, x: (m.fc1(x), x), r"output: must be one tensor, not 2 outputs"),
        (lambda m, x: (m.fc2(m.fc1(x)), m.fc3(x))[0], f"linear 'fc3': {BRANCH}.*"),
        (lambda m, x: m.fc1(x).reshape(2, -1), r"reshape 'reshape': may only flatten each sample, \(1, 4\) to \(1, 4\), not to \(2, 2\).*"),
        (lambda m, x: m.fc1(x.view(4)), r"view 'view': may only flatten each sample, .*"),
        (lambda m, x: m.fc1(x).double(), r"to 'to': may not change the dtype, torch.float32 to torch.float64"),
        (lambda m, x: F.dropout(m.fc1(x)), r"dropout 'dropout': must be in eval mode"),
        (lambda m, x: F.linear(x, m.fc1.weight * m.mask), f"mul 'mul': {SUPPORTED}; linear 'linear': weight must be a parameter of the model, not computed by mul"),
    ],
)  # fmt: skip
def test_refused_by_operator_and_node_name(forward, match):
    refuse(Forward(forward), 1, 4, match=match)


def in_place_on_an_old_value(m: Forward, x: torch.Tensor) -> torch.Tensor:
    first = m.fc1(x)
    second = m.fc2(first)
    F.relu_(first)
    return second


def change_through_a_view(m: Forward, x: torch.Tensor) -> torch.Tensor:
    first = m.fc1(x)
    F.relu_(first.view(-1, 4))
    return m.fc2(first)


def result_not_used(m: Forward, x: torch.Tensor) -> torch.Tensor:
    first = m.fc1(x)
    m.fc2(first)
    return first


@pytest.mark.parametrize("forward", [in_place_on_an_old_value, change_through_a_view, result_not_used])
def test_a_branch_hidden_in_storage_is_noticed(forward):
    with pytest.raises(UnsupportedError, match=r"branches are not supported$"):
        capture(Forward(forward), torch.zeros(1, 4))


def test_linear_and_batch_norm_take_one_vector_per_sample():
    refuse(
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(5)), 2, 5, 4,
        match=r"linear '0': input must be \(batch, features\), not \(2, 5, 4\); "
        r"batch_norm '1': input must be \(batch, features\), not \(2, 5, 3\); "
        r"output: must be \(batch, features\), not \(2, 5, 3\)",
    )  # fmt: skip


def test_batch_norm_needs_running_statistics():
    refuse(
        nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, track_running_stats=False)), 2, 4,
        match=r"batch_norm '1': must be in eval mode and have running statistics \(track_running_stats=True\)",
    )  # fmt: skip


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


class TwoInputs(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


def test_a_model_that_export_cannot_trace_is_refused_in_one_line():
    refuse(
        Branching(), 2, 3,
        match=r"model 'Branching': torch.export cannot capture it for an example of shape \(2, 3\): .+",
    )  # fmt: skip
    refuse(nn.Sequential(nn.Linear(4, 2)), 1, 5, match=r"model 'Sequential': torch.export cannot .* \(1, 5\): .+")


def test_several_inputs_are_refused():
    refuse(TwoInputs(), 1, 4, match=r"model 'TwoInputs': forward must take one tensor, not 2 \(x, y\)")


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))


@pytest.mark.parametrize(
    "name, mask, match",
    [
        ("5.weight", torch.ones(3, 4).bool(), r"mask '5.weight': no such parameter; .* are 0.weight, 3.weight"),
        ("0.weight", torch.ones(3, 4), r"mask '0.weight': dtype must be torch.bool, not torch.float32"),
        ("0.weight", torch.ones(4, 3).bool(), r"mask '0.weight': shape must be \(3, 4\), not \(4, 3\)"),
        ("0.weight", [[True]], r"mask '0.weight': must be a torch.Tensor, not list"),
        ("0.bias", torch.ones(3).bool(), r"mask '0.bias': must belong to the weight of a linear layer of the network"),
    ],
)
def test_wrong_masks_are_refused_by_name(name, mask, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        capture(small(), torch.zeros(1, 4), {name: mask})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "tensor, match",
    [
        ("0.weight", r"layer '0': weight must be finite, but holds NaN or infinity"),
        ("3.bias", r"layer '3': bias must be finite, but holds NaN or infinity"),
        ("1.weight", r"layer '1': batch_norm scale and shift must be finite, but hold NaN or infinity"),
        ("1.running_mean", r"layer '1': batch_norm scale and shift must be finite, .*"),
    ],
)
def test_parameters_that_are_not_finite_are_refused_by_layer(tensor, match, value):
    model = small()
    model.state_dict()[tensor].view(-1)[0] = value
    with pytest.raises(InputError, match=f"^{match}$"):
        capture(model, torch.zeros(1, 4))


def test_a_mask_does_not_hide_a_weight_that_is_not_finite():
    model = small()
    model.state_dict()["0.weight"].fill_(float("nan"))
    with pytest.raises(InputError, match=r"^layer '0': weight must be finite, but holds NaN or infinity$"):
        capture(model, torch.zeros(1, 4), {"0.weight": torch.zeros(3, 4).bool()})


def test_a_variance_of_zero_without_eps_is_refused():
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, eps=0))
    model[1].running_var.zero_()
    with pytest.raises(InputError, match=r"^layer '1': batch_norm scale and shift must be finite, .*$"):
        capture(model, torch.zeros(1, 4))


@pytest.mark.parametrize(
    "model, example, match",
    [
        (lambda x: x, torch.zeros(1, 4), r"model must be a torch.nn.Module, not function"),
        (small(), torch.zeros(4), r"example_input must have a batch axis and at least one more, .* not shape \(4,\)"),
        (small(), torch.zeros(0, 4), r"example_input must have a batch axis .* not shape \(0, 4\)"),
        (small(), torch.zeros(1, 4, dtype=torch.int64), r"example_input must be a float tensor, not torch.int64"),
        (small(), [[0.0]], r"example_input must be a float tensor, not list"),
    ],
)
def test_wrong_arguments_are_refused(model, example, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        capture(model, example)


@pytest.mark.filterwarnings("ignore:The tensor attribute self.0.weight was assigned during export")
def test_an_exported_model_that_still_carries_pruning_hooks_is_refused():
    model = small().eval()
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    exported = torch.export.export(model, (torch.zeros(1, 4),)).module()
    with pytest.raises(
        UnsupportedError,
        match=r"^to '0': must work on the network's input, not on parameters alone; mul '0': .*; linear '0': weight must be",
    ):
        capture(exported, torch.zeros(1, 4))


def test_a_model_exported_in_training_mode_is_refused():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train()
    exported = torch.export.export(model, (torch.zeros(2, 4),)).module()
    with pytest.raises(UnsupportedError, match=r"^dropout '1': must be in eval mode$"):
        capture(exported, torch.zeros(2, 4))
