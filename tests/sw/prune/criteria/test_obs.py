from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune import apply, magnitude
from zeroskip.prune.criteria.obs import MOST_INPUTS, obs, obs_scores


def distance(model, other, batches):
    x = torch.cat([x for x, _ in batches])
    return float((model.eval()(x) - other.eval()(x)).detach().square().mean())


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.7])
def test_the_output_stays_nearer_than_by_magnitude(mixed, batches, sparsity):
    by_magnitude, by_obs = deepcopy(mixed), deepcopy(mixed)
    apply(by_magnitude, magnitude(mixed, sparsity))
    masks = obs(by_obs, sparsity, batches)
    for name, mask in masks.items():
        assert int((~mask).sum()) == int(sparsity * 10) * mask.numel() // 10
        assert torch.equal(by_obs.get_parameter(name) != 0, mask)
    assert distance(by_obs, mixed, batches) < distance(by_magnitude, mixed, batches) / 2


def test_scores_are_shares_of_each_layers_output(mlp, batches):
    scores = obs_scores(mlp, batches)
    with torch.no_grad():
        mlp[0].weight *= 16  # the second layer's inputs grow with it, all but for their biases
        mlp[0].bias *= 16
    again = obs_scores(mlp, batches)
    for name in scores:
        assert torch.allclose(again[name], scores[name], rtol=1e-3), name


def test_scoring_leaves_the_model_as_it_was(mixed, batches, state):
    before = state(mixed)
    obs_scores(mixed, iter(batches))
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())
    assert mixed.training


def test_an_excluded_layer_is_not_looked_at_and_stays(batches):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(12, MOST_INPUTS + 1), nn.ReLU(), nn.Linear(MOST_INPUTS + 1, 1))
    text = rf"^layer '2\.weight' has {MOST_INPUTS + 1} weights per output, and Optimal Brain Surgeon takes at most {MOST_INPUTS}: exclude it$"
    with pytest.raises(InputError, match=text):
        obs(model, 0.5, batches)
    wide = model[2].weight.detach().clone()
    masks = obs(model, 0.5, batches, exclude="2")
    assert masks["2.weight"].all()
    assert torch.equal(model[2].weight, wide)


def test_nothing_and_everything(mixed, batches, state):
    before = state(mixed)
    assert all(mask.all() for mask in obs(mixed, 0, batches).values())
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())
    assert not any(mask.any() for mask in obs(mixed, 1, batches).values())
    assert not any(mixed.get_parameter(name).any() for name in ("conv1.weight", "conv2.weight", "fc1.weight"))


def test_patterns_and_allocations(mlp, batches):
    masks = obs(deepcopy(mlp), 0.5, batches, pattern="nm:4")
    assert (masks["0.weight"].reshape(-1, 4).sum(1) == 2).all()
    total = sum(mask.numel() for mask in masks.values())
    for allocation in ("global", "erk", "lamp"):
        found = obs(deepcopy(mlp), 0.5, batches, allocation=allocation)
        assert sum(int(mask.sum()) for mask in found.values()) == total - total // 2


def test_the_same_twice(mixed, batches):
    other = deepcopy(mixed)
    first, second = obs(mixed, 0.6, batches), obs(other, 0.6, batches)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in mixed.state_dict().items())


def test_progress_and_refusals(mlp, batches):
    said = []
    obs(mlp, 0.5, batches, progress=said.append)
    assert said[:3] == ["looking at the layers' inputs", "ranking 0.weight, 1 of 2", "ranking 2.weight, 2 of 2"]
    with pytest.raises(InputError, match=r"^damping must be above 0, not -1$"):
        obs(mlp, 0.5, batches, damping=-1)
    with pytest.raises(InputError, match=r"^batches must hold at least one input, but is empty$"):
        obs(mlp, 0.5, [])
