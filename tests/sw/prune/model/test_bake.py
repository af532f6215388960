"""Parametrized weights as plain parameters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from zeroskip import prune
from zeroskip.frontend import capture


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize(
    "parametrized",
    [parametrizations.weight_norm, parametrizations.spectral_norm, parametrizations.orthogonal, nn.utils.weight_norm],
)
def test_a_parametrized_model_can_be_pruned_once_it_is_baked(parametrized: Callable[[nn.Module], nn.Module]) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(parametrized(nn.Linear(5, 4)), nn.ReLU(), nn.Linear(4, 3)).eval()
    names = sorted(name for name, _ in model.named_parameters())
    baked = prune.bake(model)
    x = torch.randn(6, 5)
    torch.testing.assert_close(baked(x), model(x))
    assert sorted(name for name, _ in baked.named_parameters()) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    assert sorted(name for name, _ in model.named_parameters()) == names  # the model itself is as before
    masks = prune.magnitude(baked, 0.5)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"0.weight": 10, "2.weight": 6}
    assert [int(layer.mask.sum()) for layer in capture(baked, x, masks).layers] == [10, 6]


def test_a_model_without_parametrizations_is_copied() -> None:
    model = nn.Sequential(nn.Linear(5, 4))
    baked = prune.bake(model)
    assert baked[0] is not model[0]
    torch.testing.assert_close(baked[0].weight, model[0].weight)
