from __future__ import annotations

import pytest
import torch

from zeroskip.contracts.errors import InputError
from zeroskip.prune import gradient_scores, layerwise, magnitude


def test_each_layer_gets_its_own_and_the_others_keep_all(mixed):
    masks = layerwise(mixed, {"fc1": 0.9, "conv2.weight": 0.5})
    assert torch.equal(masks["fc1.weight"], magnitude(mixed, 0.9)["fc1.weight"])
    assert int((~masks["conv2.weight"]).sum()) == 6
    assert masks["conv1.weight"].all()
    assert masks["fc2.weight"].all()


def test_any_score_ranks(mixed, batches):
    masks = layerwise(mixed, {"fc1": 0.5}, score=gradient_scores(mixed, batches))
    assert int((~masks["fc1.weight"]).sum()) == 63
    masks = layerwise(mixed, {"fc2": 0.25}, score=lambda model: {"fc2.weight": torch.arange(28.0).reshape(4, 7)})
    assert masks["fc2.weight"].tolist() == [[False] * 7, *[[True] * 7] * 3]


def test_refusals(mixed):
    with pytest.raises(InputError, match=r"^sparsities: unknown name 'fc9'; allowed are conv1\.weight, .*fc2\.weight$"):
        layerwise(mixed, {"fc9": 0.5})
    with pytest.raises(InputError, match=r"^sparsities: 'fc1\.weight' is given twice, as parameter and as module$"):
        layerwise(mixed, {"fc1": 0.5, "fc1.weight": 0.5})
    with pytest.raises(InputError, match=r"^sparsity of 'fc1' must be a number from 0 to 1, not 90$"):
        layerwise(mixed, {"fc1": 90})
    with pytest.raises(InputError, match=r"^score has no entry for 'fc1\.weight'$"):
        layerwise(mixed, {"fc1": 0.5}, score={})
    with pytest.raises(
        InputError, match=r"^score of 'fc1\.weight' must have the weight's shape \(7, 18\), not \(2,\)$"
    ):
        layerwise(mixed, {"fc1": 0.5}, score={"fc1.weight": torch.ones(2)})
