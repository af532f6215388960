from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune.criteria.grasp import grasp, grasp_scores


@pytest.fixture
def smooth() -> nn.Sequential:
    """A network without kinks, in double precision, for finite differences."""
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Unflatten(1, (2, 6)),
        nn.Conv1d(2, 3, 3),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.SiLU(),
        nn.Linear(5, 4),
    ).double()


@pytest.fixture
def double(batches) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(x.double(), target) for x, target in batches[:3]]


def flow(model: nn.Module, batches, names: list[str]) -> float:
    """½ · ‖∂L/∂weights‖², L being the mean of the batches' losses."""
    loss = torch.stack([cross_entropy(model(x), target) for x, target in batches]).mean()
    gradients = torch.autograd.grad(loss, [model.get_parameter(name) for name in names])
    return sum(float(grad.square().sum()) for grad in gradients) / 2


def test_a_score_is_what_removing_the_weight_takes_from_the_gradient_to_first_order(smooth, double):
    scores = grasp_scores(smooth, double)
    names = list(scores)
    assert names == ["1.weight", "4.weight", "6.weight"]
    step = 1e-5
    for name in names:
        weights = smooth.get_parameter(name).data.view(-1)
        for index in range(len(weights)):
            weight = weights[index].item()
            flows = []
            for factor in (1 - step, 1 + step):
                weights[index] = weight * factor
                flows.append(flow(smooth, double, names))
            weights[index] = weight
            lost = (flows[1] - flows[0]) / (2 * step)  # per share of the weight that is removed
            assert scores[name].view(-1)[index].item() == pytest.approx(lost, rel=1e-4, abs=1e-9), (name, index)


def test_by_hand_for_a_quadratic_loss():
    """(a·x + b)² / 2 at x = (1, 2): the gradient is r·(1, 2) and the Hessian (1, 2)ᵀ(1, 2), so that H g = 5·r·(1, 2)."""
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([[3.0, -1.0]])  # r = 1
    batches = [(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 1))]
    scores = grasp_scores(model, batches, lambda y, target: mse_loss(y, target) / 2)["weight"]
    assert scores.tolist() == [[3.0 * 5, -1.0 * 10]]


def test_the_weights_go_whose_removal_adds_most_to_the_gradient(smooth, double):
    masks = grasp(smooth, 0.1, double, allocation="global")
    scores = grasp_scores(smooth, double)
    gone = torch.cat([scores[name][~mask] for name, mask in masks.items()])
    kept = torch.cat([scores[name][mask] for name, mask in masks.items()])
    assert len(gone) == (18 + 60 + 20) // 10
    assert gone.max() < 0
    assert gone.max() <= kept.min()


def test_scores_do_not_depend_on_how_equal_batches_are_cut(smooth, double):
    whole = [tuple(torch.cat(part) for part in zip(*double, strict=True))]
    cut, together = grasp_scores(smooth, double), grasp_scores(smooth, whole)
    assert all(torch.allclose(cut[name], together[name]) for name in cut)


def test_weights_removed_by_torch_have_no_part_in_the_gradient(smooth, double):
    mask = torch.arange(60).reshape(5, 12) % 2
    torch_prune.custom_from_mask(smooth[4], "weight", mask)
    scores = grasp_scores(smooth, double)
    assert not scores["4.weight"][mask == 0].any()

    class Odd(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x[:, 1::2])

    smaller = nn.Sequential(*smooth)
    smaller[4] = Odd(6, 5).double()
    smaller[4].weight.data = smooth[4].weight_orig.data[:, 1::2].clone()
    smaller[4].bias = smooth[4].bias
    expected = grasp_scores(smaller, double)
    assert torch.allclose(scores["4.weight"][:, 1::2], expected["4.weight"])
    assert torch.allclose(scores["1.weight"], expected["1.weight"])


def test_frozen_parameters_count_all_the_same(smooth, double):
    expected = grasp_scores(smooth, double)
    smooth.requires_grad_(False)
    scores = grasp_scores(smooth, double)
    assert all(torch.equal(scores[name], score) for name, score in expected.items())
    assert not any(parameter.requires_grad for parameter in smooth.parameters())


def test_a_loss_without_curvature_scores_zero(batches):
    assert not grasp_scores(nn.Linear(12, 4), batches, lambda output, target: output.sum())["weight"].any()


def test_batches_are_read_twice(mlp, batches):
    with pytest.raises(
        InputError,
        match=r"^batches must be a list or DataLoader, read twice, not an iterator that ends after one pass$",
    ):
        grasp(mlp, 0.5, iter(batches))
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        grasp(mlp, 0.5, [])
