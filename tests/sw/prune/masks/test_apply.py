from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune import apply, check, magnitude, summary


def is_positive_zero(values: torch.Tensor) -> bool:
    return bool((values == 0).all() and not torch.signbit(values).any())


def test_removed_weights_become_positive_zero_and_the_rest_stays(mixed, state):
    before = state(mixed)
    masks = magnitude(mixed, 0.7)
    apply(mixed, masks)
    for name, value in mixed.state_dict().items():
        if name in masks:
            assert is_positive_zero(value[~masks[name]])
            assert torch.equal(value[masks[name]], before[name][masks[name]])
        else:
            assert torch.equal(value, before[name])


def test_layers_without_a_mask_stay(mlp, state):
    before = state(mlp)
    apply(mlp, {"2.weight": torch.zeros(4, 16, dtype=torch.bool)})
    assert not mlp[2].weight.any()
    assert torch.equal(mlp[0].weight, before["0.weight"])


def test_both_uses_of_a_tied_weight_see_it():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    apply(model, magnitude(model, 1.0))
    assert not model[1].weight.any()


def test_under_torch_prune(mlp):
    torch_prune.l1_unstructured(mlp[0], "weight", amount=0.5)
    masks = magnitude(mlp, 0.75)
    assert not (masks["0.weight"] & (mlp[0].weight_mask == 0)).any()  # what torch removed goes first
    apply(mlp, masks)
    assert is_positive_zero(mlp[0].weight_orig[~masks["0.weight"]])
    assert is_positive_zero(mlp[0].weight[~masks["0.weight"]])
    mlp(torch.zeros(1, 12))
    torch_prune.remove(mlp[0], "weight")
    assert torch.equal(mlp[0].weight != 0, masks["0.weight"])


def test_under_a_parametrization_that_keeps_zeros():
    model = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4)))
    masks = magnitude(model, 0.5)
    apply(model, masks)
    assert not model[0].weight[~masks["0.weight"]].any()


@pytest.mark.parametrize("grows", [False, True])
def test_under_a_parametrization_that_does_not(grows):
    class Other(nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return weight.repeat(1, 2) if grows else weight + 1

    model = nn.Sequential(nn.Linear(4, 4))
    parametrize.register_parametrization(model[0], "weight", Other(), unsafe=True)
    before = model[0].weight.detach().clone()
    with pytest.raises(
        InputError, match=r"^weight '0\.weight' has a parametrization that does not keep zeros; remove it with torch"
    ):
        apply(model, magnitude(model, 0.5))
    assert torch.equal(model[0].weight, before)


def test_what_does_not_fit_is_refused_and_nothing_changed(mlp, state):
    before = state(mlp)
    good = torch.zeros(16, 12, dtype=torch.bool)
    cases = [
        ([], r"^masks must be a dict from parameter name to bool tensor, not list$"),
        ({"fc9.weight": good}, r"^masks: unknown name 'fc9\.weight'; allowed are 0\.weight, 2\.weight$"),
        ({"0": good}, r"^masks: '0' is a module; use the parameter's name '0\.weight'$"),
        ({"0.bias": good}, r"^masks: unknown name '0\.bias'; allowed are 0\.weight, 2\.weight$"),
        ({"0.weight": good.float()}, r"^mask '0\.weight' must be a torch\.bool tensor, not torch\.float32$"),
        ({"0.weight": good.numpy()}, r"^mask '0\.weight' must be a torch\.bool tensor, not ndarray$"),
        ({"0.weight": good.T}, r"^mask '0\.weight' must have the weight's shape \(16, 12\), not \(12, 16\)$"),
    ]
    for masks, message in cases:
        with pytest.raises(InputError, match=message):
            check(mlp, masks)
        with pytest.raises(InputError, match=message):
            apply(
                mlp, {"2.weight": torch.zeros(4, 16, dtype=torch.bool), **masks} if isinstance(masks, dict) else masks
            )
    assert all(torch.equal(value, before[name]) for name, value in mlp.state_dict().items())


def test_summary():
    rows = summary({"a": torch.tensor([[True, False], [False, False]]), "b": torch.ones(0, dtype=torch.bool)})
    assert rows == [("a", 4, 1, 0.75), ("b", 0, 0, 0.0)]
    assert rows[0].sparsity == 0.75
    assert summary({}) == []
