"""Capture: what is supported arrives exactly, and the caller's model is left alone."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import assert_same
from torch import nn
from torch.nn.utils import prune

from zeroskip.contracts.errors import UnsupportedError
from zeroskip.contracts.graph import Layer
from zeroskip.frontend import capture
from zeroskip.reference import run_float


def relu(layer: Layer) -> bool:
    return (layer.activation.low, layer.activation.high) == (0, np.inf)


def matrix(layer: Layer, values: np.ndarray) -> np.ndarray:
    """Weight or mask of a fully connected layer as (outputs, inputs)."""
    return values.reshape(layer.outputs, -1)


def test_layers_have_names_masks_bias_and_relu():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 3, bias=False))
    with torch.no_grad():
        model[1].weight[0, :4] = 0
    graph = capture(model, torch.zeros(1, 3, 2, 2))
    assert (graph.input_shape, graph.output_shape) == ((3, 2, 2), (3,))
    assert [(layer.name, layer.weight.shape, relu(layer)) for layer in graph.layers] == [
        ("1", (5, 12, 1, 1), True),
        ("4", (3, 5, 1, 1), False),
    ]
    assert graph.tensors == {"input": (12, 1, 1), "1": (5, 1, 1), "4": (3, 1, 1)}
    assert graph.output == "4"
    assert not graph.layers[0].mask[0, :4].any()
    assert graph.layers[0].mask.sum() == 56
    assert (graph.layers[1].bias == 0).all()
    assert graph.layers[0].weight.dtype == graph.layers[0].bias.dtype == np.float64
    assert_same(model, graph, torch.randn(7, 3, 2, 2))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(6, 5), nn.Linear(5, 4)
        self.extra = nn.Parameter(torch.randn(3, 4))
        self.weight = nn.Parameter(torch.randn(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.view(x.size(0), -1).contiguous()
        x = F.relu(self.fc1(x), inplace=True)
        x = F.dropout(torch.relu(x), 0.5, self.training)
        x = self.fc2(x)
        x = x.to(x.dtype)
        F.relu_(x)
        with torch.no_grad():
            x = F.linear(input=x.reshape(x.shape[0], 4), weight=self.extra)
        return F.linear(x, self.weight).flatten(1)


@pytest.mark.parametrize("batch", [1, 3])
def test_functional_operators_in_place_relu_and_double_relu(batch):
    model = Functional()
    graph = capture(model, torch.zeros(batch, 2, 3))
    assert [(layer.name, relu(layer)) for layer in graph.layers] == [
        ("fc1", True),
        ("fc2", True),
        ("extra", False),
        ("linear", False),
    ]
    assert_same(model, graph, torch.randn(5, 2, 3))


def test_batch_norm_without_affine_parameters_folds():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, affine=False), nn.ReLU())
    model[1].running_var.uniform_(0.5, 2)
    assert_same(model, capture(model, torch.zeros(1, 3)), torch.randn(9, 3))


def test_two_linears_in_a_row_stay_two_layers():
    model = nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Linear(4, 2))
    graph = capture(model, torch.zeros(1, 3))
    assert [relu(layer) for layer in graph.layers] == [False, False]
    assert_same(model, graph, torch.randn(9, 3))


def test_a_single_linear_module_is_a_network():
    assert [layer.name for layer in capture(nn.Linear(3, 2), torch.zeros(1, 3)).layers] == ["linear"]


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.a(F.relu(self.b(F.relu(self.a(x)))))


def test_a_shared_weight_and_a_module_called_twice_become_layers_of_their_own():
    model = Shared()
    mask = torch.rand(4, 4) > 0.5
    graph = capture(model, torch.zeros(1, 4), {"a.weight": mask})
    assert [layer.name for layer in graph.layers] == ["a", "b", "a_2"]
    for layer in graph.layers:
        np.testing.assert_array_equal(matrix(layer, layer.mask), mask.numpy())


def test_each_user_of_a_shared_weight_may_have_its_own_mask():
    first, second = torch.rand(4, 4) > 0.5, torch.rand(4, 4) > 0.5
    graph = capture(Shared(), torch.zeros(1, 4), {"a.weight": first, "b.weight": second})
    for layer, mask in zip(graph.layers, (first, second, first), strict=True):
        np.testing.assert_array_equal(matrix(layer, layer.mask), mask.numpy())


def test_a_mask_zeroes_what_it_prunes_and_keeps_zeros_it_keeps():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[0].weight[0, 0] = 0
        model[0].weight[1] = -1
    mask = torch.ones(3, 4, dtype=torch.bool)
    mask[1] = False
    layer = capture(model, torch.zeros(1, 4), {"0.weight": mask}).layers[0]
    np.testing.assert_array_equal(matrix(layer, layer.mask), mask.numpy())
    assert (layer.weight[1] == 0).all()
    assert not np.signbit(layer.weight[1]).any()


def pruned_model() -> nn.Module:
    model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
    prune.l1_unstructured(model[0], "weight", amount=0.5)
    prune.random_unstructured(model[0], "weight", amount=0.25)
    prune.ln_structured(model[2], "weight", amount=0.5, n=2, dim=0)
    prune.random_unstructured(model[2], "bias", amount=0.5)
    return model


def test_models_with_pruning_hooks_load_with_their_masks_and_stay_as_they_are():
    model = pruned_model().train()
    x = torch.randn(5, 8)
    before, state = model(x), copy.deepcopy(model.state_dict())
    graph = capture(model, torch.zeros(2, 8))
    for layer, module in zip(graph.layers, (model[0], model[2]), strict=True):
        np.testing.assert_array_equal(matrix(layer, layer.mask), module.weight_mask.bool().numpy())
        np.testing.assert_array_equal(matrix(layer, layer.weight), module.weight.detach().numpy())
    np.testing.assert_allclose(run_float(graph, x), before.detach().numpy(), atol=1e-5)
    assert model.training
    assert prune.is_pruned(model)
    assert model.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_what_a_hook_pruned_stays_pruned_under_a_given_mask():
    model = pruned_model()
    mask = torch.rand(6, 8) > 0.5
    layer = capture(model, torch.zeros(1, 8), {"0.weight": mask}).layers[0]
    np.testing.assert_array_equal(matrix(layer, layer.mask), (mask & model[0].weight_mask.bool()).numpy())


def test_the_mode_of_every_module_is_left_alone():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout())
    model.train()
    model[1].eval()
    capture(model, torch.zeros(1, 3))
    assert [module.training for module in model.modules()] == [True, True, False, True]
    assert model[1].num_batches_tracked == 0


def test_half_precision_parameters_arrive_exactly():
    model = nn.Sequential(nn.Linear(3, 2)).bfloat16()
    graph = capture(model, torch.zeros(1, 3, dtype=torch.bfloat16))
    np.testing.assert_array_equal(graph.layers[0].weight[..., 0, 0], model[0].weight.detach().double().numpy())


@pytest.mark.parametrize("given, exported", [(1, 1), (3, 1), (3, 3), (1, 5), (7, 7)])
def test_a_model_exported_for_so_many_samples_is_captured(given, exported):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    fixed = torch.export.export(model, (torch.zeros(exported, 4),)).module()
    assert_same(model, capture(fixed, torch.zeros(given, 4)), torch.randn(6, 4))


def test_a_model_that_takes_another_number_of_samples_is_refused():
    fixed = torch.export.export(nn.Linear(4, 3), (torch.zeros(7, 4),)).module()
    with pytest.raises(UnsupportedError, match=r"torch.export cannot capture it for an example of shape \(3, 4\): "):
        capture(fixed, torch.zeros(3, 4))
