from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, mse_loss
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader, TensorDataset

from zeroskip.contracts.errors import InputError
from zeroskip.prune import gradient, gradient_scores, snip, snip_scores, taylor, taylor_scores


def test_scores_are_the_summed_absolute_gradients(mlp, batches):
    expected = torch.zeros_like(mlp[0].weight)
    for x, target in batches:
        mlp.zero_grad()
        cross_entropy(mlp(x), target).backward()
        expected += mlp[0].weight.grad.abs()
    assert torch.allclose(gradient_scores(mlp, batches)["0.weight"], expected)
    times = snip_scores(mlp, iter(batches))["0.weight"]
    assert torch.allclose(times, expected * mlp[0].weight.abs())


def test_taylor_scores_are_the_summed_squares_of_weight_times_gradient(mlp, batches):
    expected = torch.zeros_like(mlp[0].weight)
    for x, target in batches:
        mlp.zero_grad()
        cross_entropy(mlp(x), target).backward()
        expected += (mlp[0].weight * mlp[0].weight.grad) ** 2
    assert torch.allclose(taylor_scores(mlp, batches)["0.weight"], expected)


@pytest.mark.parametrize(
    "criterion, ranked", [(gradient, gradient_scores), (snip, snip_scores), (taylor, taylor_scores)]
)
def test_the_lowest_scores_go(mlp, batches, criterion, ranked):
    masks = criterion(mlp, 0.75, batches)
    scores = ranked(mlp, batches)
    for name, mask in masks.items():
        assert int((~mask).sum()) == mask.numel() * 3 // 4
        assert scores[name][~mask].max() <= scores[name][mask].min()


def test_allocation_and_exclusion(mixed, batches):
    masks = gradient(mixed, 0.5, batches, allocation="global", exclude="fc2")
    counted = [mask for name, mask in masks.items() if name != "fc2.weight"]
    assert sum(int((~mask).sum()) for mask in counted) == sum(mask.numel() for mask in counted) // 2
    assert masks["fc2.weight"].all()


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(mixed, batches, state, training):
    mixed.train(training)
    mixed.norm.eval()
    mixed.fc1.weight.requires_grad_(False)
    mixed.fc2.weight.grad = torch.full((4, 7), 5.0)
    before, modes = state(mixed), [module.training for module in mixed.modules()]
    with torch.no_grad():
        masks = gradient(mixed, 0.5, batches)
    assert int(masks["fc1.weight"].sum()) == 63
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())
    assert [module.training for module in mixed.modules()] == modes
    assert not mixed.fc1.weight.requires_grad
    assert mixed.fc1.weight.grad is None
    assert torch.equal(mixed.fc2.weight.grad, torch.full((4, 7), 5.0))


def test_the_model_is_left_as_it_was_after_a_failure(mixed, batches, state):
    before = state(mixed)
    with pytest.raises(InputError, match=r"^loss must return one number, not shape \(16, 4\)$"):
        gradient(mixed, 0.5, batches, loss=lambda output, target: output)
    assert mixed.training
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())


def test_a_buffer_that_changes_in_evaluation_mode_is_put_back(batches):
    class Counting(nn.Linear):
        def __init__(self) -> None:
            super().__init__(12, 4)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return super().forward(x)

    model = Counting()
    gradient(model, 0.5, batches)
    assert model.calls == 0


def test_a_buffer_that_the_forward_pass_replaces_is_put_back(batches):
    class Counting(nn.Linear):
        def __init__(self) -> None:
            super().__init__(12, 4)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls = self.calls + 1
            return super().forward(x)

    model = Counting()
    calls = model.calls
    gradient(model, 0.5, batches)
    assert model.calls is calls
    assert calls == 0


def test_torchs_random_state_is_left_as_it_was_and_the_same_state_gives_the_same_masks(batches):
    class Noisy(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return dropout(super().forward(x))

    model = Noisy(12, 4)
    shuffled = DataLoader(TensorDataset(*(torch.cat(part) for part in zip(*batches, strict=True))), 16, shuffle=True)
    state = torch.random.get_rng_state()
    first = gradient(model, 0.5, shuffled)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(gradient(model, 0.5, shuffled)["weight"], first["weight"])


def test_cudnn_is_deterministic_meanwhile_and_left_as_it_was(mlp, batches):
    before = torch.backends.cudnn.deterministic
    seen = []

    def loss(output, target):
        seen.append(torch.backends.cudnn.deterministic)
        return cross_entropy(output, target)

    gradient(mlp, 0.5, batches[:1], loss)
    assert seen == [True]
    assert torch.backends.cudnn.deterministic == before


def test_half_precision_scores_gather_in_single_precision():
    model = nn.Linear(1, 1, bias=False, dtype=torch.bfloat16)
    # in bfloat16 the sum would stop at 256
    scores = gradient_scores(
        model, [(torch.ones(1, 1).bfloat16(), torch.zeros(1))] * 300, loss=lambda y, target: y.sum()
    )
    assert scores["weight"].item() == 300


def test_tied_weights_gather_the_gradient_of_both_uses():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    model[1].weight = model[0].weight
    model[0].weight.data.fill_(3.0)
    # (w² · 1 − 0)² has the derivative 4 w³
    scores = gradient_scores(model, [(torch.ones(1, 1), torch.zeros(1, 1))], loss=mse_loss)
    assert list(scores) == ["0.weight"]
    assert scores["0.weight"].item() == 4 * 3**3


def test_a_layer_the_loss_does_not_use_scores_zero(batches):
    model = nn.Sequential(nn.Linear(12, 4))
    model.register_module("spare", nn.Linear(2, 2))
    model.forward = lambda x: model[0](x)
    assert not gradient_scores(model, batches)["spare.weight"].any()


def test_a_tuple_is_several_inputs(batches):
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(12, 4)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return self.fc(a + b)

    assert gradient(Two(), 0.5, [((x, x), target) for x, target in batches])["fc.weight"].sum() == 24


def test_refusals(mlp, batches):
    x, target = batches[0]
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        gradient(mlp, 0.5, [])
    with pytest.raises(InputError, match=r"^batch 0 must be a pair \(input, target\), not Tensor$"):
        gradient(mlp, 0.5, [x])
    with pytest.raises(InputError, match=r"^batch 1 must be a pair \(input, target\), not tuple of 3$"):
        gradient(mlp, 0.5, [(x, target), (x, target, x)])
    with pytest.raises(InputError, match=r"^batch 0 must hold tensors, not int$"):
        gradient(mlp, 0.5, [(x, 3)])
    with pytest.raises(InputError, match=r"^loss must return one number, not float$"):
        gradient(mlp, 0.5, batches, loss=lambda output, target: 0.0)
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not 2$"):
        gradient(mlp, 2, batches)
    with pytest.raises(InputError, match=r"^scores of '0\.weight' must be finite, but hold NaN or infinity$"):
        gradient(mlp, 0.5, [(x * float("inf"), target)])


def test_a_loss_that_no_weight_reaches_is_refused(mlp, batches):
    with pytest.raises(InputError, match=r"^loss must depend on the model's weights, but has no gradient$"):
        gradient(mlp, 0.5, batches, loss=lambda output, target: output.detach().sum())


def test_a_parametrization_of_another_shape_is_refused(batches):
    class Widened(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.expand(4, 12)

        def right_inverse(self, x: torch.Tensor) -> torch.Tensor:
            return x[:1]

    model = nn.Linear(12, 4)
    parametrize.register_parametrization(model, "weight", Widened())
    with pytest.raises(
        InputError, match=r"^weight 'weight' has a parametrization of another shape; remove it with torch\.nn\.utils\."
    ):
        gradient(model, 0.5, batches)
