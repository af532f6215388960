"""On a GPU everything happens there, and comes to what the CPU comes to. Skipped where there is none."""

from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch import nn

from zeroskip import prune
from zeroskip.explore.accuracy import TestData
from zeroskip.prune.criteria.ranking import Ranking

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def both(model: nn.Module) -> tuple[nn.Module, nn.Module]:
    return model, copy.deepcopy(model).cuda()


@pytest.mark.parametrize("name", prune.CRITERIA)
def test_scores_and_masks_are_those_of_the_cpu(mixed, batches, name):
    criterion = prune.CRITERIA[name]
    scores, masks = [], []
    for model in both(mixed):
        scores.append(Ranking.of(model, name, batches, seed=3).scores)
        masks.append(criterion.masks(copy.deepcopy(model), 0.5, batches, seed=3))
    for key, score in scores[0].items():
        assert scores[1][key].is_cuda
        torch.testing.assert_close(
            scores[1][key].cpu(), score, rtol=1e-3, atol=1e-5 * float(score.abs().max()), check_dtype=False
        )
        assert masks[1][key].is_cuda
        assert int(masks[1][key].sum()) == int(masks[0][key].sum())
        assert (masks[1][key].cpu() == masks[0][key]).float().mean() > 0.97, (
            key
        )  # where scores are all but equal, either may go
    if name in ("magnitude", "random"):
        assert all(torch.equal(masks[1][key].cpu(), mask) for key, mask in masks[0].items())


@pytest.mark.parametrize("pattern", ["nm:4", "block:2x2", "channel", "balanced:1"])
def test_patterns(mixed, pattern):
    cpu, cuda = (prune.magnitude(model, 0.5, pattern=pattern) for model in both(mixed))
    assert all(torch.equal(cuda[name].cpu(), mask) for name, mask in cpu.items())


def test_the_kept_weights_are_fitted_as_on_the_cpu(mlp, batches):
    masks = prune.magnitude(mlp, 0.6)
    for model in both(mlp):
        prune.reconstruct(model, masks, batches)
        if next(model.parameters()).is_cuda:
            for name, value in model.state_dict().items():
                torch.testing.assert_close(value.cpu(), mlp.state_dict()[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "train",
    [
        lambda model, batches: prune.fine_tune(
            model, prune.magnitude(model, 0.5), batches, epochs=2, teacher=copy.deepcopy(model)
        ),
        lambda model, batches: prune.gradual(
            model, partial(prune.magnitude, allocation="global"), 0.5, batches, epochs=2
        ),
        lambda model, batches: prune.surgery(model, 0.5, batches, epochs=2),
    ],
    ids=["fine_tune", "gradual", "surgery"],
)
def test_removed_weights_stay_zero_in_training(mlp, batches, train):
    model = copy.deepcopy(mlp).cuda()
    train(model, batches)
    zeros = sum(int((weight.effective == 0).sum()) for weight in prune.prunable(model).values())
    assert zeros >= (12 * 16 + 16 * 4) // 2
    assert all(parameter.is_cuda for parameter in model.parameters())


def test_tickets_sensitivity_and_statistics(mixed, mlp, batches, tmp_path):
    model = copy.deepcopy(mlp).cuda()
    tickets = prune.lottery(model, prune.magnitude, 0.3, batches, tmp_path, epochs=1, rounds=2)
    assert len(tickets) == 2
    losses = [prune.sensitivity(model, prune.magnitude, prune.loss_on(batches), [0.5]).losses for model in both(mlp)]
    for name, found in losses[0].items():
        torch.testing.assert_close(torch.tensor(losses[1][name]), torch.tensor(found), rtol=1e-4, atol=1e-5)
    cpu, cuda = both(mixed)
    for model in (cpu, cuda):
        prune.reestimate(model, [x for x, _ in batches])
    torch.testing.assert_close(cuda.norm.running_var.cpu(), cpu.norm.running_var, rtol=1e-4, atol=1e-6)


def test_masks_and_weights_on_disk(mlp, tmp_path):
    model = copy.deepcopy(mlp).cuda()
    masks = prune.magnitude(model, 0.5)
    prune.apply(model, masks)
    prune.save(masks, tmp_path / "m.safetensors")
    assert all(
        torch.equal(mask.cpu(), masks[name].cpu())
        for name, mask in prune.from_file(tmp_path / "m.safetensors", model).items()
    )
    prune.save_state(model, tmp_path / "w.safetensors")
    prune.load_state(mlp, tmp_path / "w.safetensors")
    assert torch.equal(mlp[0].weight, model[0].weight.cpu())


def test_the_accuracy_is_that_of_the_cpu(mlp, batches):
    x, y = (torch.cat(parts).numpy() for parts in zip(*batches, strict=True))
    cpu, cuda = (TestData.of(x, y).float_accuracy(model) for model in both(mlp))
    assert cpu == cuda
