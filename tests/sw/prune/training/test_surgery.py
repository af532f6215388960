from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.training.sparsity_schedule import Ramp
from zeroskip.prune.training.surgery import Surgery, surgery

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
}


class Watched(nn.Sequential):
    """Notes which weights are zero in each forward pass in training mode."""

    def forward(self, x):
        if self.training:
            self.seen.append(
                torch.cat([layer.weight.detach().flatten() == 0 for layer in self if hasattr(layer, "weight")])
            )
        return super().forward(x)


@pytest.fixture
def watched(mlp):
    model = Watched(*mlp)
    model.seen = []
    return model


def assert_zero(model, masks):
    for name, mask in masks.items():
        removed = model.state_dict()[name][~mask]
        assert not removed.any()
        assert not torch.signbit(removed).any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_grow_back_until_the_masks_settle_and_every_pass_sees_zeros(watched, batches, name):
    masks = surgery(
        watched, 0.8, batches, epochs=10, optimizer=OPTIMIZERS[name], probability=1.0, margin=0.0, end=0.3, settle=0.6
    )
    assert_zero(watched, masks)
    assert [int((~mask).sum()) for mask in masks.values()] == [math.floor(0.8 * 192), math.floor(0.8 * 64)]
    zeros = torch.stack(watched.seen)
    counts, removed = zeros.sum(1).tolist(), math.floor(0.8 * 192) + math.floor(0.8 * 64)
    assert counts == sorted(counts)
    ramp = 0.3 * len(zeros)
    assert all(count == removed for count in counts[math.ceil(ramp) :])
    assert all(count < removed for count in counts[: math.floor(0.5 * ramp)])
    assert (zeros[:-1] & ~zeros[1:]).any(), "nothing grew back"
    settled = zeros[math.ceil(0.6 * len(zeros)) :]
    assert (settled == settled[0]).all()
    assert torch.equal(settled[0], ~torch.cat([mask.flatten() for mask in masks.values()]))


def test_a_wider_margin_changes_fewer_masks(watched, batches):
    start, changes = copy.deepcopy(watched.state_dict()), []
    for margin in (0.0, 0.3, 1e9):
        watched.load_state_dict(start)
        watched.seen.clear()
        surgery(
            watched,
            0.8,
            batches,
            epochs=6,
            optimizer=OPTIMIZERS["adam"],
            probability=1.0,
            margin=margin,
            end=0,
            settle=1,
        )
        zeros = torch.stack(watched.seen)
        changes.append(int((zeros[:-1] & ~zeros[1:]).sum()))
    assert changes[0] > changes[1] > changes[2] == 0


def test_an_optimizer_that_evaluates_the_loss_several_times_works(watched, batches):
    masks = surgery(
        watched,
        0.8,
        batches,
        epochs=2,
        optimizer=lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3),
        probability=1,
        end=0,
    )
    assert_zero(watched, masks)
    assert len(watched.seen) > 2 * len(batches)
    assert all(int(zeros.sum()) >= 204 for zeros in watched.seen[3:])


def test_masks_are_renewed_more_seldom_towards_the_end(watched, batches):
    surgery(
        watched, 0.8, batches, epochs=20, optimizer=OPTIMIZERS["adam"], probability=0.8, margin=0, end=0, settle=1.0
    )
    zeros = torch.stack(watched.seen)
    changed = (zeros[:-1] != zeros[1:]).any(1)
    assert int(changed[:40].sum()) > 2 * int(changed[-40:].sum()) > 0


def test_a_weight_grows_back_no_larger_than_those_that_stay_removed():
    model = nn.Linear(4, 1, bias=False)
    first, last = torch.tensor([[True, True, False, False]]), torch.tensor([[True, False, True, False]])
    regime = Surgery(
        model, lambda model, s, kept: {"weight": last}, Ramp(final=0.5), settle=1.0, probability=1.0, seed=0
    )
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[5.0, 0.25, -3.0, 0.5]]))
    regime.masks = {"weight": first}
    regime.start(10)
    assert model.weight.tolist() == [[5, 0.25, 0, 0]]
    regime.before_step(0)
    assert model.weight.tolist() == [[5, 0.25, -0.5, 0.5]]
    regime.before_loss()
    assert model.weight.tolist() == [[5, 0, -0.5, 0]]
    regime.after_loss()
    assert model.weight.tolist() == [[5, 0.25, -0.5, 0.5]]


def test_never_renewed_the_masks_come_at_once_when_they_settle(watched, batches):
    masks = surgery(watched, 0.5, batches, epochs=2, probability=0, settle=0.75)
    assert [int(zeros.sum()) for zeros in watched.seen] == [0] * 12 + [128] * 4
    assert_zero(watched, masks)


@pytest.mark.parametrize("allocation", ["uniform", "global", "erk", "lamp"])
@pytest.mark.parametrize("sparsity", [0, 0.29, 0.97, 1])
def test_the_final_count_is_exact_and_an_excluded_layer_stays_dense(mixed, batches, allocation, sparsity):
    masks = surgery(mixed, sparsity, batches[:3], epochs=2, allocation=allocation, exclude=["fc2"], probability=1)
    assert masks["fc2.weight"].all()
    assert_zero(mixed, masks)
    gone = {name: int((~mask).sum()) for name, mask in masks.items()}
    sizes = {name: mask.numel() for name, mask in masks.items() if name != "fc2.weight"}
    if allocation == "uniform":
        assert gone == {**{name: math.floor(sparsity * size) for name, size in sizes.items()}, "fc2.weight": 0}
    else:
        assert sum(gone.values()) == math.floor(sparsity * sum(sizes.values()))


def test_sparsities_by_layer_and_patterns(mlp, batches):
    masks = surgery(mlp, {"0": 0.5}, batches, epochs=2, pattern="nm:4", probability=1)
    assert (masks["0.weight"].reshape(-1, 4).sum(1) == 2).all()
    assert masks["2.weight"].all()


def test_the_same_seed_gives_the_same(mlp, batches, state):
    start, results = state(mlp), []
    for seed in (1, 1, 2):
        mlp.load_state_dict(start)
        surgery(mlp, 0.8, batches, epochs=3, seed=seed, optimizer=OPTIMIZERS["adam"], probability=0.3)
        results.append(state(mlp))
    assert all(torch.equal(value, results[1][name]) for name, value in results[0].items())
    assert not torch.equal(results[0]["0.weight"], results[2]["0.weight"])


@pytest.mark.parametrize("epochs, settle", [(0, 0.75), (1, 0.0), (1, 1.0)])
def test_it_ends_at_the_final_masks_however_short(mlp, batches, epochs, settle):
    masks = surgery(mlp, 0.5, batches, epochs=epochs, end=0, settle=settle)
    assert [int(mask.sum()) for mask in masks.values()] == [96, 32]
    assert_zero(mlp, masks)
    assert not mlp.training


def test_an_evaluation_between_epochs_sees_the_masked_weights(mlp, batches):
    shares = []

    def look(epoch):
        shares.append(sum(int((layer.weight == 0).sum()) for layer in (mlp[0], mlp[2])))

    surgery(mlp, 0.5, batches, epochs=3, progress=look, probability=1, end=0, settle=1)
    assert shares == [128] * 3


def test_an_interrupted_training_leaves_masked_weights(mlp, batches):
    calls = []

    def loss(output, target):
        calls.append(1)
        return output.square().mean() * (math.nan if len(calls) > 9 else 1)

    with pytest.raises(InputError, match=r"^loss became nan in epoch 2, batch 1; lower the learning rate$"):
        surgery(mlp, 0.5, batches, epochs=3, probability=1, end=0, settle=1, loss=loss)


def test_refusals(mlp, batches, state):
    before = state(mlp)

    def operated(**options):
        surgery(mlp, options.pop("sparsity", 0.5), batches, epochs=1, **options)

    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not -1$"):
        operated(sparsity=-1)
    with pytest.raises(InputError, match=r"^settle must not be before end, but is 0\.2 with an end of 0\.5$"):
        operated(settle=0.2)
    for name in ("settle", "probability"):
        with pytest.raises(InputError, match=rf"^{name} must be a number from 0 to 1, not 1\.5$"):
            operated(**{name: 1.5})
    for margin in (-0.1, math.inf, math.nan, "a"):
        with pytest.raises(InputError, match=rf"^margin must be a finite number of 0 or more, not {margin!r}$"):
            operated(margin=margin)
    with pytest.raises(InputError, match=r"^allocation must be one of uniform, global, erk, lamp, not 'all'$"):
        operated(allocation="all")
    assert all(torch.equal(value, before[name]) for name, value in mlp.state_dict().items())
