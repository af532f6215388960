from __future__ import annotations

import pytest
import torch

from zeroskip.prune.criteria import obs_elimination
from zeroskip.prune.criteria.obs_elimination import damped, removal_losses


def by_hand(weight, moments):
    """Greedy backward elimination of one row, every least squares problem solved from scratch."""
    n = len(weight)

    def error(kept):
        best = torch.zeros(n, dtype=torch.float64)
        if kept:
            best[kept] = torch.linalg.solve(moments[kept][:, kept], (moments @ weight)[kept])
        return ((weight - best) @ moments @ (weight - best)).item()

    kept, losses, highest, before = list(range(n)), [0.0] * n, 0.0, 0.0
    while kept:
        after, gone = min((error([k for k in kept if k != j]), j) for j in kept)
        kept.remove(gone)
        highest = max(highest, after - before)
        losses[gone], before = highest, after
    return torch.tensor(losses, dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 2, 5, 19, 40])
def test_losses_are_those_of_solving_every_problem_anew(n):
    generator = torch.Generator().manual_seed(n)
    x = torch.randn(n, 3 * n, generator=generator, dtype=torch.float64)
    x = x + x[:1]  # so that inputs go together
    weight = torch.randn(3, n, generator=generator)
    moments = damped(x @ x.mT, 1e-3)
    losses = removal_losses(weight, x @ x.mT, 1e-3)
    for row, found in zip(weight.double(), losses, strict=True):
        assert torch.allclose(found, by_hand(row, moments), rtol=1e-6)


def test_rows_in_chunks_give_the_same(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    x, weight = torch.randn(12, 50, generator=generator, dtype=torch.float64), torch.randn(7, 12, generator=generator)
    whole = removal_losses(weight, x @ x.mT, 0.01)
    monkeypatch.setattr(obs_elimination, "CHUNK", 300)
    assert torch.equal(removal_losses(weight, x @ x.mT, 0.01), whole)


def test_weights_that_are_zero_or_see_nothing_cost_nothing_and_go_first():
    x = torch.randn(6, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x[2] = 0
    weight = torch.tensor([[1.0, 0.0, 100.0, -1.0, 2.0, 0.5]])
    losses = removal_losses(weight, x @ x.mT, 1e-9)[0]
    assert losses[1] == 0
    assert losses.argsort()[:2].tolist() == [1, 2]
    assert losses[2] < 1e-4 * losses[5]


def test_without_any_input_the_smallest_weights_go_first():
    losses = removal_losses(torch.tensor([[3.0, -1.0, 2.0]]), torch.zeros(3, 3, dtype=torch.float64), 0.01)
    assert losses.tolist() == [[9.0, 1.0, 4.0]]


def test_no_rows():
    assert removal_losses(torch.zeros(0, 3), torch.eye(3, dtype=torch.float64), 0.01).shape == (0, 3)
