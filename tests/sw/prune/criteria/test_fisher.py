from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from zeroskip.contracts.errors import InputError
from zeroskip.prune.criteria.fisher import fisher, fisher_scores


def test_scores_are_half_the_squared_weight_times_the_mean_squared_gradient_of_each_sample(mixed, batches):
    mixed.eval()
    x, target = (torch.cat(part) for part in zip(*batches, strict=True))
    expected = {name: torch.zeros_like(value) for name, value in mixed.named_parameters()}
    for number in range(len(x)):
        mixed.zero_grad()
        cross_entropy(mixed(x[number : number + 1]), target[number : number + 1]).backward()
        for name, parameter in mixed.named_parameters():
            if parameter.grad is not None:
                expected[name] += parameter.grad.square()
    scores = fisher_scores(mixed, batches)
    assert list(scores) == ["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"]
    for name, score in scores.items():
        weight = mixed.get_parameter(name).detach()
        assert torch.allclose(score, weight.square() * expected[name] / (2 * len(x)), rtol=1e-4)


def test_it_does_not_matter_how_samples_are_batched(mixed, batches):
    whole = [tuple(torch.cat(part) for part in zip(*batches, strict=True))]
    ragged = [(x[:5], y[:5]) for x, y in batches] + [(x[5:], y[5:]) for x, y in batches]
    expected = fisher_scores(mixed, batches)
    for other in (whole, ragged):
        scores = fisher_scores(mixed, other)
        assert all(torch.allclose(scores[name], score, rtol=1e-4) for name, score in expected.items())


def test_for_least_squares_with_residuals_of_one_it_is_half_the_squared_weight_times_the_hessians_diagonal():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, generator=generator)
    model = nn.Linear(3, 1, bias=False)
    model.weight.data = torch.tensor([[1.0, -2.0, 0.5]])
    target = model(x).detach() + (torch.arange(50) % 2 * 2 - 1)[:, None]
    scores = fisher_scores(model, [(x, target)], lambda output, y: mse_loss(output, y) / 2)["weight"]
    assert torch.allclose(scores, model.weight.square() / 2 * x.square().mean(0), rtol=1e-4)


def test_opposite_gradients_do_not_cancel():
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    x, target = torch.ones(2, 1), torch.tensor([[0.0], [2.0]])
    assert fisher_scores(model, [(x, target)], mse_loss)["weight"].item() == 0.5 * 2.0**2


def test_the_lowest_scores_go(mlp, batches):
    scores = fisher_scores(mlp, batches)
    for name, mask in fisher(mlp, 0.75, batches).items():
        assert int((~mask).sum()) == mask.numel() * 3 // 4
        assert scores[name][~mask].max() <= scores[name][mask].min()


def test_a_tuple_is_several_inputs(batches):
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(12, 4)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.fc(a + b)

    model = Two()
    doubled = fisher_scores(model.fc, [(2 * x, target) for x, target in batches])["weight"]
    assert torch.allclose(fisher_scores(model, [((x, x), target) for x, target in batches])["fc.weight"], doubled)


def test_refusals(mlp, batches):
    x, target = batches[0]
    with pytest.raises(
        InputError, match=r"^batch 1 must have one target per sample, not the shapes \(16, 12\), \(3,\)$"
    ):
        fisher(mlp, 0.5, [(x, target), (x, target[:3])])
    with pytest.raises(InputError, match=r"^batch 0 must have one target per sample, not the shapes \(16, 12\), \(\)$"):
        fisher(mlp, 0.5, [(x, target[0])])
    with pytest.raises(InputError, match=r"^batch 0 must have one target per sample, not the shapes \(\), \(\)$"):
        fisher(mlp, 0.5, [(x[0, 0], target[0])])
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        fisher(mlp, 0.5, [(x[:0], target[:0])])
    with pytest.raises(InputError, match=r"^batch 1 must be a pair \(input, target\), not Tensor$"):
        fisher(mlp, 0.5, [(x, target), x])
