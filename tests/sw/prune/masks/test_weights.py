from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune import prunable
from zeroskip.prune.masks.weights import resolve, resolve_all


def tied() -> nn.Module:
    model = nn.ModuleDict({"first": nn.Linear(3, 3), "second": nn.Linear(3, 3)})
    model["second"].weight = model["first"].weight
    return model


def test_only_linear_and_convolution_weights_are_found(mixed):
    assert list(prunable(mixed)) == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]
    assert set(prunable(mixed)) < dict(mixed.named_parameters()).keys()


def test_a_transposed_convolution_is_left_alone():
    assert list(prunable(nn.Sequential(nn.ConvTranspose2d(1, 1, 2), nn.Linear(2, 2)))) == ["1.weight"]


def test_a_bare_layer_is_a_model():
    assert list(prunable(nn.Linear(2, 2))) == ["weight"]


def test_a_shared_weight_appears_once_under_its_first_name():
    assert list(prunable(tied())) == ["first.weight"]
    with pytest.raises(InputError, match=r"^exclude: 'second' shares its weight with 'first\.weight'; use that name$"):
        resolve(tied(), "second", what="exclude")


def test_a_module_used_twice_appears_once():
    layer = nn.Linear(3, 3)
    assert list(prunable(nn.Sequential(layer, nn.ReLU(), layer))) == ["0.weight"]


def test_a_weight_tied_to_an_embedding_is_not_pruned():
    model = nn.ModuleDict({"embedding": nn.Embedding(4, 3), "hidden": nn.Linear(3, 3), "head": nn.Linear(3, 4)})
    model["head"].weight = model["embedding"].weight
    assert list(prunable(model)) == ["hidden.weight"]


def test_names_of_modules_and_parameters_resolve(mixed):
    assert resolve_all(mixed, ("fc1", "conv2.weight"), what="exclude") == {"fc1.weight", "conv2.weight"}
    assert resolve_all(mixed, "fc1", what="exclude") == {"fc1.weight"}


def test_under_torch_prune_the_weight_keeps_its_name_and_shows_the_mask(mlp):
    torch_prune.custom_from_mask(mlp[0], "weight", torch.zeros(16, 12))
    weight = prunable(mlp)["0.weight"]
    assert weight.parameter is mlp[0].weight_orig
    assert not weight.effective.any()


def test_under_a_parametrization_the_weight_keeps_its_name():
    model = nn.Sequential(parametrizations.spectral_norm(nn.Linear(3, 3)))
    assert list(prunable(model)) == ["0.weight"]


def test_refusals():
    with pytest.raises(InputError, match=r"^model must be a torch\.nn\.Module, not dict$"):
        prunable({})
    with pytest.raises(
        InputError, match=r"^model: there is nothing to prune; only weights of Linear, Conv1d and Conv2d are"
    ):
        prunable(nn.Sequential(nn.Embedding(3, 3), nn.BatchNorm1d(3)))
    with pytest.raises(
        InputError, match=r"^weight '0\.weight' has no shape yet; run the model once on an example before pruning$"
    ):
        prunable(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(
        InputError,
        match=r"^weight '0\.weight' is computed from several tensors; zeroskip\.prune\.bake\(model\) makes it one parameter",
    ):
        prunable(nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2))))
    with pytest.raises(InputError, match=r"^exclude: unknown name 'fc'; allowed are 0\.weight, 1\.weight$"):
        resolve(nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1)), "fc", what="exclude")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(mlp, value):
    mlp[2].weight.data[1, 1] = value
    with pytest.raises(InputError, match=r"^weight '2\.weight' must be finite, but holds NaN or infinity$"):
        prunable(mlp)
