from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import pytest
import torch

from zeroskip.contracts.errors import InputError
from zeroskip.prune import gradient, magnitude
from zeroskip.prune.training.gradual import gradual

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
}


def assert_zero(model, masks):
    for name, mask in masks.items():
        removed = model.state_dict()[name][~mask]
        assert not removed.any()
        assert not torch.signbit(removed).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_removed_weight_stays_removed_and_the_sparsity_follows_the_ramp(mlp, batches, name):
    zeros, shares = [], []

    def look(epoch):
        zeros.append({key: value == 0 for key, value in mlp.state_dict().items() if key.endswith("weight")})
        shares.append(sum(int(z.sum()) for z in zeros[-1].values()) / 256)

    masks = gradual(
        mlp,
        magnitude,
        0.9,
        batches,
        epochs=8,
        initial=0.2,
        end=0.75,
        updates=48,
        optimizer=OPTIMIZERS[name],
        progress=look,
    )
    assert_zero(mlp, masks)
    assert [int((~mask).sum()) for mask in masks.values()] == [math.floor(0.9 * 192), math.floor(0.9 * 64)]
    for earlier, later in pairwise(zeros):
        assert all((later[key] | ~zero).all() for key, zero in earlier.items())
    # the last renewal of epoch e was before step 8e - 1 of the 48 in the span
    expected = [0.9 - 0.7 * (1 - min((8 * epoch - 1) / 48, 1)) ** 3 for epoch in range(1, 9)]
    assert shares == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("allocation", ["uniform", "global", "erk", "lamp"])
@pytest.mark.parametrize("sparsity", [0, 0.29, 0.97, 1])
def test_the_final_count_is_that_of_the_criterion(mixed, batches, allocation, sparsity):
    masks = gradual(
        mixed, partial(magnitude, allocation=allocation, exclude=["fc2"]), sparsity, batches[:3], epochs=2, updates=4
    )
    assert masks["fc2.weight"].all()
    assert_zero(mixed, masks)
    gone = {name: int((~mask).sum()) for name, mask in masks.items()}
    sizes = {name: mask.numel() for name, mask in masks.items() if name != "fc2.weight"}
    if allocation == "uniform":
        assert gone == {**{name: math.floor(sparsity * size) for name, size in sizes.items()}, "fc2.weight": 0}
    else:
        assert sum(gone.values()) == math.floor(sparsity * sum(sizes.values()))


def test_a_criterion_that_wants_weights_back_is_held_to_the_nested_ones(mlp, batches):
    seen = []

    def criterion(model, sparsity):
        seen.append({name: weight == 0 for name, weight in model.state_dict().items() if name.endswith("weight")})
        return gradient(model, sparsity, batches[:1])

    masks = gradual(mlp, criterion, {"0": 0.75}, batches, epochs=2, updates=5)
    assert int((~masks["0.weight"]).sum()) == 144
    assert masks["2.weight"].all()
    assert all(not (masks[name] & zero).any() for zeros in seen for name, zero in zeros.items())
    assert_zero(mlp, masks)


def test_the_same_seed_gives_the_same(mixed, batches, state):
    start, results = state(mixed), []
    for seed in (1, 1, 2):
        mixed.load_state_dict(start)
        gradual(mixed, magnitude, 0.8, batches, epochs=2, seed=seed)  # dropout is random
        results.append(state(mixed))
    assert all(torch.equal(value, results[1][name]) for name, value in results[0].items())
    assert not torch.equal(results[0]["fc1.weight"], results[2]["fc1.weight"])


@pytest.mark.parametrize("frozen", [False, True])
def test_a_criterion_may_evaluate_and_frozen_norms_stay_frozen(mixed, batches, state, frozen):
    before = state(mixed)

    def criterion(model, sparsity):
        return magnitude(model.eval(), sparsity)

    gradual(mixed, criterion, 0.5, batches, epochs=1, frozen_norms=frozen)
    assert torch.equal(mixed.norm.running_mean, before["norm.running_mean"]) == frozen


@pytest.mark.parametrize("span", [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_any_span_ends_at_the_final_masks(mlp, batches, span):
    masks = gradual(mlp, magnitude, 0.5, batches, epochs=1, begin=span[0], end=span[1])
    assert [int(mask.sum()) for mask in masks.values()] == [96, 32]
    assert_zero(mlp, masks)
    assert not mlp.training


def test_without_training_it_is_one_shot(mlp, batches):
    expected = magnitude(mlp, 0.5)
    masks = gradual(mlp, magnitude, 0.5, batches, epochs=0)
    assert all(torch.equal(mask, expected[name]) for name, mask in masks.items())
    assert_zero(mlp, masks)


def test_refusals(mlp, batches, state):
    before = state(mlp)
    for updates in (0, 1.5, True):
        with pytest.raises(InputError, match=rf"^updates must be an integer of 1 or more, not {updates}$"):
            gradual(mlp, magnitude, 0.5, batches, epochs=1, updates=updates)
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not 2$"):
        gradual(mlp, magnitude, 2, batches, epochs=1)
    with pytest.raises(InputError, match=r"^sparsities: unknown name 'fc'; allowed are 0\.weight, 2\.weight$"):
        gradual(mlp, magnitude, {"fc": 0.5}, batches, epochs=1)
    with pytest.raises(InputError, match=r"^masks must be a dict from parameter name to bool tensor, not float$"):
        gradual(mlp, lambda model, sparsity: sparsity, 0.5, batches, epochs=1)
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        gradual(mlp, magnitude, 0.5, [], epochs=1)
    assert all(torch.equal(value, before[name]) for name, value in mlp.state_dict().items())
