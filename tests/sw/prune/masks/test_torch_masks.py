from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune import apply, from_torch, from_zeros, magnitude, to_torch


def test_torch_masks_come_over(mixed):
    torch_prune.l1_unstructured(mixed.fc1, "weight", amount=0.5)
    torch_prune.ln_structured(mixed.conv2, "weight", amount=1, n=2, dim=0)
    torch_prune.random_unstructured(mixed.fc1, "bias", amount=3)
    masks = from_torch(mixed)
    assert list(masks) == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]
    assert torch.equal(masks["fc1.weight"], mixed.fc1.weight_mask.bool())
    assert torch.equal(masks["conv2.weight"], mixed.conv2.weight_mask.bool())
    assert masks["fc2.weight"].all()
    for layer in (mixed.fc1, mixed.conv2):
        torch_prune.remove(layer, "weight")
    assert all(torch.equal(mask, masks[name]) for name, mask in from_zeros(mixed).items())


def test_torch_pruned_models_run_and_copy_before_and_after(mixed, batches):
    torch_prune.global_unstructured(
        [(mixed.fc1, "weight"), (mixed.fc2, "weight")], torch_prune.L1Unstructured, amount=0.4
    )
    mixed(batches[0][0])
    masks = from_torch(mixed)
    assert sum(int((~mask).sum()) for mask in masks.values()) == round(0.4 * (126 + 28))


def test_without_torch_masks_it_is_refused(mlp):
    with pytest.raises(
        InputError, match=r"^model: no layer carries a mask of torch\.nn\.utils\.prune; after prune\.remove, read"
    ):
        from_torch(mlp)


def test_a_soft_mask_is_refused(mlp):
    torch_prune.custom_from_mask(mlp[0], "weight", torch.full((16, 12), 0.5))
    with pytest.raises(InputError, match=r"^mask '0\.weight' must hold only 0 and 1, not other torch\.float32 values$"):
        from_torch(mlp)


def test_zeros_of_either_sign_are_removed(mlp):
    mlp[0].weight.data[0, :3] = torch.tensor([0.0, -0.0, 1e-40])
    mask = from_zeros(mlp)["0.weight"]
    assert mask[0, :3].tolist() == [False, False, True]
    assert int((~mask).sum()) == 2


def test_zeros_give_back_the_masks_that_made_them(mixed):
    masks = magnitude(mixed, 0.8, allocation="global")
    apply(mixed, masks)
    assert all(torch.equal(mask, masks[name]) for name, mask in from_zeros(mixed).items())


def test_masks_go_to_torch_and_come_back(mixed, batches, state):
    before, masks = state(mixed), magnitude(mixed, 0.5)
    to_torch(mixed, masks)
    assert {name for name in mixed.state_dict() if name.startswith("fc1.weight")} == {
        "fc1.weight_orig",
        "fc1.weight_mask",
    }
    assert torch.equal(mixed.fc1.weight_orig, before["fc1.weight"])
    found = from_torch(mixed)
    assert all(torch.equal(found[name], mask) for name, mask in masks.items())
    wanted = mixed.eval()(batches[0][0])
    for layer in (mixed.conv1, mixed.conv2, mixed.fc1, mixed.fc2):
        torch_prune.remove(layer, "weight")
    assert torch.equal(mixed(batches[0][0]), wanted)
    assert torch.equal(mixed.fc1.weight, before["fc1.weight"] * masks["fc1.weight"])


def test_a_mask_of_torchs_and_a_shared_weight():
    model = nn.Sequential(nn.Linear(4, 4))
    torch_prune.random_unstructured(model[0], "weight", 4)
    first = model[0].weight_mask.bool()
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[1] = False
    to_torch(model, {"0.weight": mask})
    assert torch.equal(from_torch(model)["0.weight"], mask & first)
    pair = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    pair[1].weight = pair[0].weight
    to_torch(pair, {"0.weight": mask})
    assert pair[0].weight_orig is pair[1].weight_orig
    assert torch.equal(pair[1].weight == 0, ~mask)


def test_what_cannot_carry_a_mask_is_refused_and_left(mlp):
    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    parametrize.register_parametrization(mlp[2], "weight", Twice())
    with pytest.raises(
        InputError, match=r"^weight '2\.weight' is parametrized and cannot carry a mask; remove its param"
    ):
        to_torch(mlp, magnitude(mlp, 0.5))
    assert "weight_mask" not in dict(mlp[0].named_buffers())
    with pytest.raises(InputError, match=r"^masks: unknown name '9'; allowed are 0\.weight, 2\.weight$"):
        to_torch(mlp, {"9": torch.ones(1, dtype=torch.bool)})
