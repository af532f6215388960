from __future__ import annotations

import pytest
import torch

from zeroskip.contracts.errors import InputError
from zeroskip.prune import fine_tune
from zeroskip.prune.training.learning_rates import constant, cosine, factor, warm_up


class Uncounted:
    """Batches without a length, which count how often they are read."""

    def __init__(self, batches):
        self.batches, self.read = batches, 0

    def __iter__(self):
        self.read += 1
        return iter(self.batches)


def rates_seen(model, batches, rate, epochs, groups=None):
    seen = []

    class Spy(torch.optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    made = groups or (lambda parameters: parameters)
    fine_tune(model, {}, batches, epochs=epochs, optimizer=lambda p: Spy(made(p), lr=0.5), rate=rate)
    return seen


def test_the_shapes():
    assert [constant(0.0), constant(0.9)] == [1, 1]
    assert [cosine(0.0), cosine(1.0)] == [1, 0]
    assert cosine(0.5) == pytest.approx(0.5)
    warmed = warm_up(cosine, 0.2)
    assert [warmed(0.0), warmed(0.1)] == [0, 0.5]
    assert warmed(0.2) == 1
    assert warmed(0.6) == pytest.approx(0.5)
    assert warm_up(constant, 0)(0) == 1


def test_the_rate_follows_the_steps_of_all_epochs(mlp, batches):
    seen = rates_seen(mlp, batches, lambda progress: progress, 2)
    assert seen == [[0.5 * step / 16] for step in range(16)]


def test_each_group_keeps_its_own_rate(mlp, batches):
    def groups(parameters):
        return [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.1}]

    seen = rates_seen(mlp, batches[:2], lambda progress: 1 - progress, 1, groups)
    assert seen == [[0.5, 0.1], [0.25, 0.05]]


def test_batches_without_a_length_are_counted_by_reading_them_once(mlp, batches):
    uncounted = Uncounted(batches[:4])
    assert rates_seen(mlp, uncounted, lambda progress: progress, 2) == [[0.5 * step / 8] for step in range(8)]
    assert uncounted.read == 3


def test_without_a_rate_nothing_is_counted(mlp, batches):
    uncounted = Uncounted(batches)
    fine_tune(mlp, {}, uncounted, epochs=2)
    assert uncounted.read == 2


def test_refusals(mlp, batches):
    for share in (-0.1, 1, "a", None):
        with pytest.raises(InputError, match=r"^share of the warm-up must be a number from 0 to below 1, not "):
            warm_up(constant, share)
    for value in (-1.0, float("nan"), float("inf"), None):
        with pytest.raises(
            InputError, match=rf"^rate must return a finite number of 0 or more, not {value} at progress 0\.500$"
        ):
            factor(lambda progress, value=value: value, 0.5)
    with pytest.raises(
        InputError, match=r"^batches must be a list or DataLoader, since a schedule counts them first, not an iterator$"
    ):
        fine_tune(mlp, {}, iter(batches), epochs=1, rate=cosine)
