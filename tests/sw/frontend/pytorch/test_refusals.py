"""Capture: whatever cannot be built exactly is refused, all of it at once, by name."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import Forward, refuse
from torch import nn
from torch.nn.utils import prune

from zeroskip.contracts.errors import InputError, UnsupportedError
from zeroskip.frontend import capture


def test_every_unsupported_operator_is_listed_at_once():
    features = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.AvgPool2d(2, ceil_mode=True), nn.InstanceNorm2d(2))
    model = nn.Sequential()
    model.add_module("features", features)
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Sequential(nn.Linear(18, 5), nn.Softmax(1), nn.Linear(5, 2)))
    refuse(
        model, 1, 1, 7, 7,
        match=r"avg_pool2d 'features.2': every window must divide by the same number, .*; "
        r"instance_norm 'features.3': not supported; its statistics are those of each sample: .*; linear 'head.2': input must not be the result of softmax, which only the host computes",
    )  # fmt: skip


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: torch.cumsum(m.fc1(x), 1), r"cumsum 'cumsum': not supported"),
        (lambda m, x: m.fc2(F.log_softmax(m.fc1(x), 1)), r"linear 'fc2': input must not be the result of log_softmax, which only the host .*"),
        (lambda m, x: F.softmax(m.fc1(x), 1).flip(1), r"flip 'flip': must not move the result of softmax, which only the host computes"),
        (lambda m, x: m.fc1(x).argmax(1).argmin(1), r"argmin 'argmin': input must not be the result of argmax, which .*|model .*"),
        (lambda m, x: F.softmax(m.fc1(x), 0), r"softmax 'softmax': must leave the batch axis alone"),
        (lambda m, x: m.fc1(x).argmax(), r"argmax 'argmax': must leave the batch axis alone: name the axis"),
        (lambda m, x: m.mask, r"output: must depend on the network's input"),
        (lambda m, x: (m.fc1(x), x), r"output: must be one tensor, not 2 outputs"),
        (lambda m, x: (m.fc2(m.fc1(x)), m.fc3(x)), r"output: must be one tensor, not 2 outputs"),
        (lambda m, x: (m.fc1(x), m.mask.add_(1))[0], r"add_ 'add_': must not change the model's own tensors in place"),
        (lambda m, x: (m.fc1(x), m.mask[0].add_(1))[0], r"add_ 'add_': must not change the model's own tensors in place"),
        (lambda m, x: m.mask[:1].add_(m.fc1(x)), r"add_ 'add_': must not .*|add_ 'add_': the constant .*"),
        (lambda m, x: m.fc1(x).reshape(4, -1), r"output: must leave the batch axis alone, not give shape \(4, 5\)"),
        (lambda m, x: m.fc1(x).to(torch.complex64).real, r"to 'to': may not change the dtype, torch.float32 to torch.complex64; real .*"),
        (lambda m, x: F.dropout(m.fc1(x)), r"dropout 'dropout': must be in eval mode"),
        (lambda m, x: F.linear(x, m.fc1(x).view(4, -1).mT), r"linear 'linear_1': weight must be a parameter of the model, not computed by mT"),
    ],
)  # fmt: skip
def test_refused_by_operator_and_node_name(forward, match):
    refuse(Forward(forward), 1, 4, match=match)


def part_of_a_value(m: Forward, x: torch.Tensor) -> torch.Tensor:
    first = m.fc1(x)
    F.relu_(first[:, :2])
    return m.fc2(first)


def a_value_of_which_a_part_is_read(m: Forward, x: torch.Tensor) -> torch.Tensor:
    first = m.fc1(x)
    part = first[:, :2]
    F.relu_(first)
    return part + m.fc2(first)[:, :2]


@pytest.mark.parametrize("forward", [part_of_a_value, a_value_of_which_a_part_is_read])
def test_a_change_in_place_of_what_overlaps_another_value_is_refused(forward):
    refuse(Forward(forward), 1, 4, match=r"relu_ 'relu_': must not change '\w+' in place through a view of it")


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
        ("0.bias", torch.ones(3).bool(), r"mask '0.bias': must belong to the weight of a layer of the network"),
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
def test_an_exported_model_that_still_carries_pruning_hooks_computes_its_weights():
    model = small().eval()
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    exported = torch.export.export(model, (torch.zeros(2, 4),)).module()
    layer = capture(exported, torch.zeros(2, 4)).layers[0]
    assert (layer.name, int(layer.mask.sum())) == ("0", 6)


def test_a_model_exported_in_training_mode_is_refused():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout()).train()
    exported = torch.export.export(model, (torch.zeros(2, 4),)).module()
    with pytest.raises(UnsupportedError, match=r"^dropout '1': must be in eval mode$"):
        capture(exported, torch.zeros(2, 4))
