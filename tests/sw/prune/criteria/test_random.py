from __future__ import annotations

import pytest
import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.criteria.random import random, random_scores


def test_the_seed_decides(mlp):
    first = random_scores(mlp, 7)
    assert all(torch.equal(score, first[name]) for name, score in random_scores(mlp, 7).items())
    for seed in (0, 8, -7, 7 + 2**64):
        assert not torch.equal(random_scores(mlp, seed)["0.weight"], first["0.weight"])


def test_a_layer_does_not_depend_on_the_others(mixed):
    whole = random(mixed, 0.5, seed=3)
    assert torch.equal(random(mixed, 0.5, exclude="conv1", seed=3)["fc2.weight"], whole["fc2.weight"])
    del mixed.conv1, mixed.fc1
    assert torch.equal(random(mixed, 0.5, seed=3)["fc2.weight"], whole["fc2.weight"])


def test_layers_of_one_shape_differ():
    masks = random(nn.Sequential(nn.Linear(20, 20), nn.Linear(20, 20)), 0.5)
    assert not torch.equal(masks["0.weight"], masks["1.weight"])


def test_torchs_random_state_does_not_matter_and_stays(mlp):
    first = random(mlp, 0.5)
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    assert all(torch.equal(mask, first[name]) for name, mask in random(mlp, 0.5).items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_it_is_the_same_on_every_machine():
    assert random(nn.Linear(4, 2), 0.5)["weight"].int().tolist() == [[0, 1, 0, 0], [0, 1, 1, 1]]


def test_masks_of_one_seed_nest(mlp):
    less, more = random(mlp, 0.3), random(mlp, 0.6)
    assert all(not (more[name] & ~less[name]).any() for name in less)


def test_every_place_is_as_likely():
    kept = torch.stack([random(nn.Linear(8, 4), 0.5, seed=seed)["weight"] for seed in range(400)]).float().mean(0)
    assert (kept - 0.5).abs().max() < 0.1  # four standard deviations


@pytest.mark.parametrize("seed", [0.5, "0", None, True])
def test_a_seed_that_is_no_integer_is_refused(mlp, seed):
    with pytest.raises(InputError, match=r"^seed must be an integer, not "):
        random(mlp, 0.5, seed=seed)
