from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune import magnitude
from zeroskip.prune.masks.selection import exact_sparsity


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0, 1), st.sampled_from(["uniform", "global"]))
def test_exactly_that_many_go(rows, columns, sparsity, allocation):
    model = nn.Sequential(nn.Linear(columns, rows), nn.Linear(rows, 3))
    masks = magnitude(model, sparsity, allocation=allocation)
    sizes = [mask.numel() for mask in masks.values()]
    removed = [int((~mask).sum()) for mask in masks.values()]
    if allocation == "uniform":
        assert removed == [exact_sparsity(sparsity) * size // 1 for size in sizes]
    else:
        assert sum(removed) == exact_sparsity(sparsity) * sum(sizes) // 1


@pytest.mark.parametrize("allocation", ["uniform", "global"])
def test_nothing_and_everything(mixed, allocation):
    assert all(mask.all() for mask in magnitude(mixed, 0, allocation=allocation).values())
    assert not any(mask.any() for mask in magnitude(mixed, 1, allocation=allocation).values())


def test_the_smallest_go_and_the_model_stays(mixed, state):
    before = state(mixed)
    masks = magnitude(mixed, 0.6)
    for name, mask in masks.items():
        weight = before[name].abs()
        assert mask.dtype == torch.bool
        assert mask.shape == weight.shape
        assert weight[~mask].max() <= weight[mask].min()
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())


def test_equal_magnitudes_go_in_flat_order():
    model = nn.Linear(3, 2)
    model.weight.data = torch.tensor([[1.0, -1.0, 2.0], [1.0, -2.0, -1.0]])
    assert magnitude(model, 0.5)["weight"].tolist() == [[False, False, True], [False, True, True]]


def test_equal_magnitudes_go_from_the_earlier_layer_when_global():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    for layer in model:
        layer.weight.data.fill_(-1.0)
    masks = magnitude(model, 0.625, allocation="global")
    assert not masks["0.weight"].any()
    assert masks["1.weight"].tolist() == [[False, True], [True, True]]


def test_global_lets_layers_compete():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].weight.data.fill_(0.1)
    model[1].weight.data.fill_(9.0)
    masks = magnitude(model, 0.5, allocation="global")
    assert not masks["0.weight"].any()
    assert masks["1.weight"].all()


def test_excluded_layers_keep_all_and_do_not_count(mixed):
    masks = magnitude(mixed, 1.0, exclude=("fc2", "conv1.weight"))
    assert masks["fc2.weight"].all()
    assert masks["conv1.weight"].all()
    assert not masks["fc1.weight"].any()
    masks = magnitude(mixed, 0.5, allocation="global", exclude="fc1")
    counted = [mask for name, mask in masks.items() if name != "fc1.weight"]
    assert sum(int((~mask).sum()) for mask in counted) == sum(mask.numel() for mask in counted) // 2


def test_everything_excluded_is_fine():
    assert magnitude(nn.Linear(2, 2), 0.5, allocation="global", exclude="weight")["weight"].all()


def test_a_wrong_name_is_refused(mixed):
    with pytest.raises(
        InputError, match=r"^exclude: unknown name 'norm'; allowed are conv1\.weight, conv2\.weight, fc1\.weight, "
    ):
        magnitude(mixed, 0.5, exclude=("norm",))


def test_half_precision_models_work():
    assert int(magnitude(nn.Linear(10, 10).to(torch.bfloat16), 0.29)["weight"].sum()) == 71
