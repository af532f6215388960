from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.utils.data import DataLoader, TensorDataset

from zeroskip.contracts.errors import InputError
from zeroskip.prune import Epoch, apply, fine_tune, magnitude

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.003, momentum=0.9, weight_decay=0.01),
    "default": None,
}


def assert_removed(model: nn.Module, masks: dict[str, torch.Tensor]) -> None:
    for name, mask in masks.items():
        removed = model.state_dict()[name][~mask]
        assert (removed == 0).all()
        assert not torch.signbit(removed).any(), f"{name} holds -0.0"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_removed_weights_stay_zero_and_the_loss_falls(mlp, batches, name):
    masks = magnitude(mlp, 0.6)
    history = fine_tune(mlp, masks, batches, epochs=20, optimizer=OPTIMIZERS[name])
    assert_removed(mlp, masks)
    assert [row.epoch for row in history] == list(range(1, 21))
    assert history[-1].loss < 0.8 * history[0].loss
    assert all(mlp[int(name[0])].weight[mask].abs().min() > 0 for name, mask in masks.items())


def test_an_optimizer_that_evaluates_the_loss_several_times_works(mlp, batches):
    masks = magnitude(mlp, 0.6)
    everything = [tuple(torch.cat(part) for part in zip(*batches, strict=True))]
    history = fine_tune(mlp, masks, everything, epochs=4, optimizer=lambda p: torch.optim.LBFGS(p, lr=0.3, max_iter=4))
    assert_removed(mlp, masks)
    assert history[-1].loss < 0.8 * history[0].loss


def test_an_optimizer_that_writes_where_there_is_no_gradient_is_undone(mlp, batches):
    class Noisy(torch.optim.SGD):
        def step(self, closure=None):
            value = super().step(closure)
            with torch.no_grad():
                for parameter in self.param_groups[0]["params"]:
                    parameter += 0.01
            return value

    masks = magnitude(mlp, 0.5)
    fine_tune(mlp, masks, batches, epochs=2, optimizer=Noisy, progress=lambda epoch: assert_removed(mlp, masks))
    assert_removed(mlp, masks)


def test_zero_weights_of_either_sign_become_positive(mlp, batches):
    masks = magnitude(mlp, 0.5)
    mlp[0].weight.data[~masks["0.weight"]] = -0.0
    fine_tune(mlp, masks, batches, epochs=1, optimizer=OPTIMIZERS["sgd"])
    assert_removed(mlp, masks)


def test_no_optimizer_state_gathers_on_a_removed_weight(mlp, batches):
    made = []

    def adam(parameters):
        made.append(torch.optim.Adam(parameters))
        return made[0]

    masks = magnitude(mlp, 0.5)
    fine_tune(mlp, masks, batches, epochs=1, optimizer=adam)
    state = made[0].state[mlp[0].weight]
    assert not state["exp_avg"][~masks["0.weight"]].any()
    assert not state["exp_avg_sq"][~masks["0.weight"]].any()


def test_everything_else_trains(mixed, batches, state):
    before = state(mixed)
    masks = magnitude(mixed, 0.5, exclude="fc2")
    fine_tune(mixed, masks, batches, epochs=1)
    after = state(mixed)
    for name in ("norm.weight", "norm.running_mean", "fc1.bias", "fc2.weight", "layer_norm.bias", "conv1.weight"):
        assert not torch.equal(after[name], before[name]), name
    assert torch.equal(after["embedding.weight"], before["embedding.weight"])
    assert not mixed.training
    assert all(parameter.grad is None for parameter in mixed.parameters())
    assert_removed(mixed, masks)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state(mixed, batches, state):
    x, target = (torch.cat(part) for part in zip(*batches, strict=True))
    loader = DataLoader(TensorDataset(x, target), batch_size=16, shuffle=True)
    masks, start = magnitude(mixed, 0.5), state(mixed)
    results = []
    for seed in (7, 7, 8):
        mixed.load_state_dict(start)
        random_state = torch.random.get_rng_state()
        history = fine_tune(mixed, masks, loader, epochs=2, seed=seed)
        assert torch.equal(torch.random.get_rng_state(), random_state)
        torch.rand(1)  # the caller's own state must not matter
        results.append((history, state(mixed)))
    assert results[0][0] == results[1][0]
    assert all(torch.equal(value, results[1][1][name]) for name, value in results[0][1].items())
    assert results[0][0] != results[2][0]


def test_progress_is_told(mlp, batches):
    seen = []
    history = fine_tune(mlp, {}, batches, epochs=2, progress=seen.append)
    assert seen == history
    assert isinstance(seen[0], Epoch)


def test_no_epochs_only_apply_the_masks(mlp, batches):
    masks = magnitude(mlp, 0.5)
    assert fine_tune(mlp, masks, batches, epochs=0) == []
    assert_removed(mlp, masks)


def test_frozen_weights_are_masked_and_not_trained(mlp, batches, state):
    masks = magnitude(mlp, 0.5)
    mlp[0].weight.requires_grad_(False)
    apply(mlp, masks)
    before = state(mlp)
    fine_tune(mlp, masks, batches, epochs=1)
    assert torch.equal(mlp[0].weight, before["0.weight"])


def test_under_torch_prune(mlp, batches):
    torch_prune.l1_unstructured(mlp[0], "weight", amount=0.3)
    masks = magnitude(mlp, 0.6)
    fine_tune(mlp, masks, batches, epochs=2, optimizer=OPTIMIZERS["sgd"])
    assert not mlp[0].weight[~masks["0.weight"]].any()
    torch_prune.remove(mlp[0], "weight")
    assert_removed(mlp, masks)


def test_one_epoch_may_come_from_an_iterator(mlp, batches):
    assert len(fine_tune(mlp, {}, iter(batches), epochs=1)) == 1


def test_refusals(mlp, batches):
    masks = magnitude(mlp, 0.5)
    for epochs in (-1, 1.5, True):
        with pytest.raises(InputError, match=r"^epochs must be an integer of 0 or more, not "):
            fine_tune(mlp, masks, batches, epochs=epochs)
    with pytest.raises(
        InputError, match=r"^batches must be a list or DataLoader, read anew each epoch, not an iterator that"
    ):
        fine_tune(mlp, masks, iter(batches), epochs=2)
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        fine_tune(mlp, masks, [], epochs=1)
    for optimizer, given in ((torch.optim.SGD(mlp.parameters(), lr=1), "SGD"), (lambda p: 3, "int")):
        with pytest.raises(
            InputError, match=rf"^optimizer must be a function from parameters to a torch .*, not {given}$"
        ):
            fine_tune(mlp, masks, batches, epochs=1, optimizer=optimizer)
    with pytest.raises(InputError, match=r"^mask '0\.weight' must have the weight's shape "):
        fine_tune(mlp, {"0.weight": torch.ones(1, dtype=torch.bool)}, batches, epochs=1)
    with pytest.raises(InputError, match=r"^model has no trainable parameter: every requires_grad is off$"):
        fine_tune(nn.Linear(12, 4).requires_grad_(False), {}, batches, epochs=1)


def test_a_loss_that_runs_away_is_refused_and_leaves_zeros(mlp, batches):
    masks = magnitude(mlp, 0.5)
    with pytest.raises(InputError, match=r"^loss became (nan|inf) in epoch 1, batch 1; lower the learning rate$"):
        fine_tune(
            mlp, masks, batches, epochs=1, loss=lambda y, t: y.square().mean() * math.inf if made else first(made, y)
        )
    assert_removed(mlp, masks)
    assert not mlp.training


made: list[bool] = []


def first(calls: list[bool], output: torch.Tensor) -> torch.Tensor:
    calls.append(True)
    return output.square().mean()


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_norms_keep_their_statistics_and_still_learn(mixed, batches, frozen):
    mean, weight = mixed.norm.running_mean.clone(), mixed.norm.weight.detach().clone()
    seen = []
    mixed.norm.register_forward_pre_hook(lambda module, given: seen.append(module.training))
    fine_tune(mixed, {}, batches, epochs=2, frozen_norms=frozen, progress=lambda epoch: mixed.eval())
    assert torch.equal(mixed.norm.running_mean, mean) == frozen
    assert not torch.equal(mixed.norm.weight, weight)
    assert seen == [not frozen] * 16
