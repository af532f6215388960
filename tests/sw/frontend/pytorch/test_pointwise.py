"""BatchNorm, constants, sums and activations: where each goes, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import Forward, captured, lively, refuse
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.frontend import capture

ACTIVATIONS = [
    nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.25), nn.LeakyReLU(0.1), nn.PReLU(), nn.PReLU(4), nn.Sigmoid(), nn.Tanh(),
    nn.Hardsigmoid(), nn.Hardswish(), nn.SiLU(),
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 5, 5)], ids=str)
def test_an_activation_ends_the_layer_before_it(activation, shape):
    first = nn.Linear(3, 4) if len(shape) == 1 else (nn.Conv1d, nn.Conv2d)[len(shape) - 2](3, 4, 3)
    graph = captured(nn.Sequential(first, activation), *shape)
    assert [layer.name for layer in graph.layers] == ["0"]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_an_activation_of_the_input_is_a_copy(activation):
    (layer,) = captured(nn.Sequential(activation), 4, 3, 3).layers
    assert layer.structural
    assert layer.groups == 4
    assert (layer.weight == 1).all()


IN_PLACE = [
    F.relu_, torch.relu, torch.sigmoid_, torch.tanh_, lambda x: F.leaky_relu_(x, 0.2), lambda x: x.clamp_(-1, 1),
    lambda x: x.clamp(min=-0.5), lambda x: x.clamp(max=0.5), lambda x: torch.clip(x, -1, None), lambda x: x.clamp_min(0.1),
    lambda x: x.clamp_max_(0.2), lambda x: F.hardtanh(x, -2, 2, inplace=True), lambda x: F.relu6(x, inplace=True),
    lambda x: F.hardswish(x, inplace=True), lambda x: F.silu(x, inplace=True), lambda x: F.hardsigmoid(x, inplace=True),
]  # fmt: skip


@pytest.mark.parametrize("function", IN_PLACE)
def test_functions_and_their_in_place_forms(function):
    assert len(captured(Forward(lambda m, x: function(m.fc1(x))), 4).layers) == 1


@pytest.mark.parametrize(
    "chain, layers, low, high",
    [
        ([nn.ReLU(), nn.Hardtanh(-1, 0.5)], 1, 0, 0.5),
        ([nn.Hardtanh(-1, 0.5), nn.ReLU()], 1, 0, 0.5),
        ([nn.Hardtanh(-2, -1), nn.ReLU()], 1, 0, 0),
        ([nn.LeakyReLU(0.5), nn.Hardtanh(-0.2, 0.3)], 1, -0.2, 0.3),
        ([nn.ReLU(), nn.ReLU6(), nn.ReLU()], 1, 0, 6),
        ([nn.ReLU(), nn.LeakyReLU(0.5)], 1, 0, np.inf),
        ([nn.Hardtanh(), nn.LeakyReLU(0.5)], 2, -1, 1),
        ([nn.ReLU(), nn.Sigmoid()], 1, -np.inf, np.inf),
        ([nn.Sigmoid(), nn.Hardtanh(0.3, 0.6)], 1, -np.inf, np.inf),
        ([nn.LeakyReLU(0.5), nn.Tanh(), nn.ReLU()], 1, -np.inf, np.inf),
    ],
)
def test_activations_in_a_row_merge_or_are_copies(chain, layers, low, high):
    graph = captured(nn.Sequential(nn.Linear(3, 4), *chain), 3)
    assert len(graph.layers) == layers
    assert (graph.layers[0].activation.low, graph.layers[0].activation.high) == (low, high)
    assert all(layer.structural for layer in graph.layers[1:])


def test_batch_norm_folds_backward_and_forward():
    model = lively(
        nn.Sequential(
            nn.BatchNorm2d(2), nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3, groups=2), nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.ReLU(),
            nn.AvgPool2d(2), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 6, 1, groups=2), nn.Flatten(),
            nn.BatchNorm1d(24), nn.Linear(24, 3), nn.BatchNorm1d(3),
        )
    )  # fmt: skip
    with torch.no_grad():
        model[2].weight[:, 0] = 0
    graph = captured(model, 2, 6, 6)
    assert [layer.name for layer in graph.layers] == ["2", "6", "9", "12"]
    assert not graph.layers[0].mask[:, 0].any()


@pytest.mark.parametrize(
    "modules, names",
    [
        ([nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 3, 1)], ["0", "2"]),
        ([nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1)], ["0", "1"]),
        ([nn.BatchNorm2d(2), nn.MaxPool2d(2)], ["0", "1"]),
        ([nn.Conv2d(2, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)], ["0", "2"]),
        ([nn.MaxPool2d(2), nn.BatchNorm2d(2), nn.ReLU()], ["0", "1"]),
        ([nn.BatchNorm2d(2)], ["0"]),
        ([nn.ZeroPad2d(1), nn.BatchNorm2d(2), nn.Conv2d(2, 3, 1)], ["0", "2"]),
        ([nn.BatchNorm2d(2), nn.ZeroPad2d(1), nn.Conv2d(2, 3, 3)], ["0", "2"]),
        ([nn.Conv2d(2, 3, 3), nn.Flatten(), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 2)], ["0", "flatten", "2", "4"]),
        ([nn.Conv2d(2, 3, 3), nn.Flatten(), nn.BatchNorm1d(48)], ["0", "flatten", "2"]),
    ],
)  # fmt: skip
def test_a_batch_norm_that_cannot_fold_is_a_depthwise_layer(modules, names):
    graph = captured(lively(nn.Sequential(*modules)), 2, 6, 6)
    assert [layer.name for layer in graph.layers] == names


def test_a_batch_norm_without_shift_folds_through_padding():
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1))
    model[0].running_var.uniform_(0.5, 2)
    assert len(captured(model, 2, 5, 5).layers) == 1


def test_a_channel_that_batch_norm_zeroes_is_pruned():
    model = lively(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(2)))
    with torch.no_grad():
        model[1].weight[1] = 0
    layer = captured(model, 2, 5, 5).layers[1]
    assert layer.mask.reshape(-1).tolist() == [True, False]


class Constants(nn.Module):
    def __init__(self, forward) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 4)
        self.c, self.f, self.s = (
            nn.Parameter(torch.randn(4, 1, 1)),
            nn.Parameter(torch.randn(4)),
            nn.Buffer(torch.tensor(1.5)),
        )
        self.run = forward

    def forward(self, x):
        return self.run(self, x)


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, x: m.conv(x) + m.c,
        lambda m, x: m.c + m.conv(x),
        lambda m, x: m.conv(x) * (m.f.view(1, 4, 1, 1) * 2) + m.f[:, None, None].abs(),
        lambda m, x: m.conv(x) * torch.tensor(3.0) + torch.ones(4, 1, 1),
        lambda m, x: m.conv(x) * m.c + 3,
        lambda m, x: 2 * m.conv(x) / 7 - 1,
        lambda m, x: m.conv((x - 0.5) / 0.25),
        lambda m, x: m.conv(x).mul_(m.s).add_(m.c, alpha=2),
        lambda m, x: m.c - m.conv(x),
        lambda m, x: m.conv(x).sub(m.c, alpha=3),
        lambda m, x: m.conv(x) / m.c,
        lambda m, x: m.fc(m.conv(x).mean((2, 3))) * m.f + m.f,
        lambda m, x: torch.relu(m.conv(x).mean((2, 3), keepdim=True) * 2).flatten(1) * m.f,
    ],
)
def test_constants_fold_like_batch_norm(forward):
    assert captured(Constants(forward), 3, 5, 5).layers[0].name == "conv"


def test_a_pre_activation_block_and_a_normalized_input():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.n1, self.c1, self.n2, self.c2 = (
                nn.BatchNorm2d(4),
                nn.Conv2d(4, 4, 3, padding=1),
                nn.BatchNorm2d(4),
                nn.Conv2d(4, 4, 3, padding=1),
            )

        def forward(self, x):
            return x + self.c2(F.relu(self.n2(self.c1(F.relu(self.n1(x))))))

    graph = captured(lively(nn.Sequential(Block(), Block())), 4, 5, 5)
    assert [layer.name for layer in graph.layers] == ["0.n1", "0.c1", "0.c2", "1.n1", "1.c1", "1.c2"]
    assert [layer.residual for layer in graph.layers] == [None, None, "input", None, None, "0.c2"]


@pytest.mark.parametrize(
    "forward, layers",
    [
        (lambda m, x: m.fc1(x) + x, [("fc1", "input")]),
        (lambda m, x: x + m.fc1(x), [("fc1", "input")]),
        (lambda m, x: m.fc1(x) + m.fc2(x), [("fc1", None), ("fc2", "fc1")]),
        (lambda m, x: m.fc2(x).relu() + m.fc1(x), [("fc2", None), ("fc1", "fc2")]),
        (lambda m, x: m.fc1(x) + m.fc2(x).relu(), [("fc2", None), ("fc1", "fc2")]),
        (lambda m, x: m.fc1(x).relu() + m.fc2(x).relu(), [("fc1", None), ("fc2", None), ("add", "fc2")]),
        (lambda m, x: torch.relu(m.fc1(x) + x) + x, [("fc1", "input"), ("add_1", "input")]),
        (lambda m, x: F.leaky_relu(m.fc1(x) + x, 0.1), [("fc1", "input"), ("leaky_relu", None)]),
        (lambda m, x: torch.sigmoid(m.fc1(x) + x), [("fc1", "input")]),
        (lambda m, x: m.fc1(x) + m.fc2(x) + m.fc3(x), [("fc1", None), ("fc2", "fc1"), ("fc3", "fc2")]),
        (lambda m, x: x + x, [("add", "input")]),
        (lambda m, x: x - m.fc1(x), [("fc1", "input")]),
        (lambda m, x: m.fc1(x) - x, [("fc1", None), ("sub.scaled", "fc1")]),
        (lambda m, x: torch.add(x, m.fc1(x), alpha=2), [("fc1", "input")]),
        (lambda m, x: -m.fc1(x) - 0.5 * m.fc2(x), [("fc1", None), ("fc2", "fc1")]),
        (lambda m, x: (y := m.fc1(x)) + m.fc2(y), [("fc1", None), ("fc2", "fc1")]),
        (lambda m, x: (y := m.fc1(x)) + m.fc2(y) + y.relu(), [("fc1", None), ("fc2", "fc1"), ("relu", None), ("add_1", "relu")]),
        (lambda m, x: m.bn(m.fc1(x) + x), [("fc1", "input"), ("bn", None)]),
        (lambda m, x: m.bn(m.fc1(x)) + m.bn(x), [("fc1", None), ("bn", "fc1")]),
        (lambda m, x: m.fc2(m.bn(x)) + m.bn(x), [("fc2", None), ("bn", "fc2")]),
        (lambda m, x: m.fc1(x).add_(x), [("fc1", "input")]),
    ],
)  # fmt: skip
def test_a_sum_of_two_tensors_is_a_residual(forward, layers):
    model = Forward(forward)
    lively(model)
    graph = captured(model, 4)
    assert {(layer.name, layer.residual) for layer in graph.layers} == set(layers)


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: x * m.fc1(x), r"mul 'mul': must be with a constant, not between two results of the network"),
        (lambda m, x: m.fc1.bias / x, r"div 'div': must divide by a constant, not by a result of the network"),
        (lambda m, x: x + torch.arange(16.0).view(4, 4), r"add 'add': the constant must be the same for every sample, not shape \(4, 4\)"),
    ],
)  # fmt: skip
def test_refused(forward, match):
    refuse(Forward(forward), 4, 4, match=match)


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: m.conv(x) + m.c[:2, :, 0], r"model 'Constants': torch.export cannot capture it .*"),
        (lambda m, x: m.conv(x) + torch.rand(4, 1, 1), r"rand 'rand': must not be random"),
    ],
)  # fmt: skip
def test_refused_on_images(forward, match):
    refuse(Constants(forward), 2, 3, 5, 5, match=match)


def test_a_max_pool_takes_no_activation_but_lets_a_rising_one_pass():
    graph = captured(nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.PReLU(3)), 2, 6, 6)
    assert [(layer.name, layer.activation.slope is None) for layer in graph.layers] == [("0", False), ("1", True)]
    graph = captured(nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.SiLU()), 2, 6, 6)
    assert [layer.name for layer in graph.layers] == ["0", "1", "2"]
    graph = captured(nn.Sequential(nn.MaxPool2d(2), nn.ReLU()), 2, 6, 6)
    assert [layer.name for layer in graph.layers] == ["0", "1"]


def test_slopes_below_zero_take_three_layers():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.PReLU(3))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([0.5, -0.25, 0.0]))
    graph = captured(model, 2, 6, 6)
    assert [layer.name for layer in graph.layers] == ["0", "1.below", "1.above", "1"]
    assert not captured(nn.LeakyReLU(-0.5), 4).layers[0].structural


@pytest.mark.parametrize("slope", [float("nan"), float("inf")])
def test_slopes_that_are_not_finite_are_refused(slope):
    with pytest.raises(InputError, match=r"^layer 'leaky_relu': slopes must be finite, but hold NaN or infinity$"):
        capture(Forward(lambda m, x: F.leaky_relu(x, slope)), torch.zeros(1, 4))


def test_constants_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match=r"^layer 'mul': constant must be finite, but holds NaN or infinity$"):
        capture(Forward(lambda m, x: x * float("inf")), torch.zeros(1, 4))
    with pytest.raises(InputError, match=r"^layer 'div': scale and shift must be finite, but hold NaN or infinity$"):
        capture(Forward(lambda m, x: x / 0), torch.zeros(1, 4))
