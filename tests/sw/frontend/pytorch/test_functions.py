"""Functions of one tensor, element by element: any chain of operators is one table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import Forward, captured, refuse
from torch import nn

from zeroskip.frontend import capture

MODULES = [
    nn.ELU(), nn.ELU(0.5), nn.SELU(), nn.CELU(0.7), nn.GELU(), nn.GELU("tanh"), nn.Softplus(), nn.Softplus(2, 5), nn.Mish(),
    nn.Softsign(), nn.LogSigmoid(), nn.Hardshrink(), nn.Softshrink(), nn.Tanhshrink(), nn.Threshold(0.1, -2.0), nn.Sigmoid(), nn.SiLU(),
    nn.Tanh(), nn.Hardswish(), nn.Hardsigmoid(),
]  # fmt: skip

FUNCTIONS = [
    torch.abs, torch.square, torch.exp, torch.erf, torch.sin, torch.sign, torch.expm1, torch.atan, lambda x: x**3, lambda x: 2**x,
    lambda x: x * torch.sigmoid(1.702 * x), lambda x: x * F.relu6(x + 3) / 6, lambda x: torch.sigmoid(x) * x, lambda x: x / (1 + x.abs()),
    lambda x: 0.5 * x * (1 + torch.tanh(0.79788 * (x + 0.044715 * x**3))), lambda x: torch.where(x > 0.2, x, 0.1 * x),
    lambda x: (x > 0).float(), lambda x: torch.maximum(x, -x), lambda x: x.masked_fill(x < 0, -1.0), lambda x: 1 / (2 + x * x),
    lambda x: torch.sigmoid(torch.tanh(x)) - 0.5, lambda x: F.elu_(x).clamp_(max=0.5), lambda x: (x - x.floor()).sqrt(),
    lambda x: torch.div(x, 0.5, rounding_mode="floor"), lambda x: x.clamp(3, 1), lambda x: torch.tanh(x) + x,
    lambda x: -torch.tanh(x).flatten(1).unflatten(1, x.shape[1:]) * 2,
]  # fmt: skip


@pytest.mark.parametrize("module", MODULES, ids=str)
@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 5, 5)], ids=str)
def test_a_function_ends_the_layer_before_it(module: nn.Module, shape: tuple[int, ...]) -> None:
    first = nn.Linear(3, 4) if len(shape) == 1 else (nn.Conv1d, nn.Conv2d)[len(shape) - 2](3, 4, 3)
    (layer,) = captured(nn.Sequential(first, module), *shape).layers
    assert layer.activation.table is not None


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_a_chain_is_one_table(number: int) -> None:
    (layer,) = captured(Forward(lambda m, x: FUNCTIONS[number](m.fc1(x))), 4).layers
    assert layer.activation.table is not None
    (layer,) = captured(Forward(lambda m, x: FUNCTIONS[number](x)), 4).layers
    assert layer.structural


def test_a_part_of_a_chain_that_others_read_is_a_table_of_its_own() -> None:
    graph = captured(Forward(lambda m, x: m.fc2(y := torch.sigmoid(m.fc1(x))) + m.fc3(torch.exp(y))), 4)
    tables = [layer.activation.table.name for layer in graph.layers if layer.activation.table]
    assert tables == ["sigmoid", "exp(sigmoid(x))"]
    assert len(graph.layers) == 5


def test_numbers_and_clips_in_front_of_a_layer_are_no_table() -> None:
    graph = captured(Forward(lambda m, x: m.fc2((2 * m.fc1(x) + 1).clamp(-1, 1) / 3 - 0.5)), 4)
    assert [layer.activation.table for layer in graph.layers] == [None, None]


@pytest.mark.parametrize(
    "function, name, rising",
    [
        (torch.sigmoid, "sigmoid", True),
        (lambda x: torch.erf(torch.relu(x)), "erf(relu(x))", True),
        (lambda x: torch.tanh(-x), "tanh(neg(x))", False),
        (lambda x: x * torch.sigmoid(1.702 * x), "mul(x, sigmoid(mul(x, 1.702)))", False),
        (F.gelu, "gelu", False),
    ],
)
def test_what_is_known_of_a_function(function: object, name: str, rising: bool) -> None:
    (layer,) = capture(Forward(lambda m, x: function(m.fc1(x))), torch.zeros(1, 4)).layers  # type: ignore[operator]
    table = layer.activation.table
    assert table is not None
    assert (table.name, table.rising) == (name, rising)


def test_a_rising_function_is_taken_before_the_maximum() -> None:
    graph = captured(nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.Sigmoid()), 2, 6, 6)
    assert [(layer.maximum, layer.activation.table is not None) for layer in graph.layers] == [
        (False, True),
        (True, False),
    ]


def test_functions_of_two_tensors_or_of_their_places_are_refused() -> None:
    refuse(Forward(lambda m, x: m.fc1(x) * m.fc2(x)), 1, 4, match=r"mul 'mul': must be with a constant, .*")
    refuse(Forward(lambda m, x: torch.where(x > 0, m.fc1(x), 0)), 1, 4, match=r"where 'where': not supported")
    refuse(Forward(lambda m, x: torch.pow(x, m.fc1.bias)), 1, 4, match=r"pow 'pow_1': not supported")
    refuse(Forward(lambda m, x: F.dropout(x, training=True)), 1, 4, match=r"dropout 'dropout': must be in eval mode")
    refuse(Forward(lambda m, x: torch.rand_like(x) * x), 1, 4, match=r"rand_like 'rand_like': .*")


def test_the_function_has_no_state() -> None:
    (layer,) = capture(Forward(lambda m, x: F.elu_(m.fc1(x))), torch.zeros(1, 4)).layers
    table, x = layer.activation.table, np.linspace(-3, 3, 7)
    assert table is not None
    kept = x.copy()
    np.testing.assert_array_equal(table(x), table(x))
    np.testing.assert_array_equal(x, kept)
