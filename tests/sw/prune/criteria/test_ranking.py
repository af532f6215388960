"""Scores once, masks for many sparsities: the same as the criteria's own."""

from __future__ import annotations

import copy

import pytest
import torch

from zeroskip.contracts.errors import InputError
from zeroskip.prune.criteria.ranking import Ranking
from zeroskip.prune.criteria.registry import CRITERIA, criterion_named


@pytest.mark.parametrize("name", CRITERIA)
def test_masks_and_weights_are_those_of_the_criterion(mlp, batches, name):
    assert callable(criterion_named(name).scores)
    ranking = Ranking.of(mlp, name, batches, seed=3)
    for options in ({}, {"allocation": "global", "pattern": "nm:4"}, {"exclude": ["2"]}):
        for sparsity in (0.5, {"0": 0.75}):
            if isinstance(sparsity, dict) and "allocation" in options:
                continue
            mine, theirs = copy.deepcopy(mlp), copy.deepcopy(mlp)
            masks = ranking.prune(mine, sparsity, **options)
            expected = criterion_named(name).masks(theirs, sparsity, batches, seed=3, **options)
            assert masks.keys() == expected.keys()
            assert all(torch.equal(masks[layer], expected[layer]) for layer in masks), (name, options)
            for layer, value in mine.state_dict().items():
                assert torch.equal(value, theirs.state_dict()[layer]), (name, layer)


def test_refusals(mlp):
    with pytest.raises(InputError, match=r"^criterion must be one of .*, not 'size'$"):
        Ranking.of(mlp, "size")
    with pytest.raises(InputError, match=r"^criterion 'taylor' needs batches of inputs and targets$"):
        Ranking.of(mlp, "taylor")
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not 2$"):
        Ranking.of(mlp, "magnitude").masks(mlp, 2)
