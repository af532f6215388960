from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from zeroskip.contracts.errors import InputError
from zeroskip.prune.training.batch_norm import reestimate


class Residual(nn.Module):
    """BatchNorms one behind the other, beside each other, used twice, and never."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4, momentum=0.3)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.short = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.fc, self.norm3 = nn.Linear(4, 5), nn.BatchNorm1d(5)
        self.idle = nn.BatchNorm1d(3)

    def forward(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)) + self.short(x))
        return self.norm3(self.fc(self.drop(x.mean((2, 3)))))


@pytest.fixture
def residual():
    torch.manual_seed(1)
    model = Residual()
    for norm in (model.norm1, model.norm2, model.short, model.norm3):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
    return model.eval()


@pytest.fixture
def x():
    return 2 * torch.randn(30, 1, 6, 6, generator=torch.Generator().manual_seed(2)) + 1


def assert_statistics_of_all(model, x, names):
    """Each layer's statistics are those of what it sees in evaluation of everything at once."""
    seen = {}
    for name in names:
        model.get_submodule(name).register_forward_pre_hook(
            lambda module, inputs, name=name: seen.update({name: inputs[0]})
        )
    with torch.no_grad():
        model.eval()(x)
    for name, value in seen.items():
        norm, rows = model.get_submodule(name), value.movedim(1, 0).flatten(1)
        torch.testing.assert_close(norm.running_mean, rows.mean(1), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(norm.running_var, rows.var(1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sizes", [[30], [10, 10, 10], [1, 2, 4, 8, 15]])
def test_statistics_are_those_of_all_samples_at_once_whatever_the_batches(residual, x, sizes):
    before = {name: value.clone() for name, value in residual.state_dict().items()}
    residual.norm1.train()
    residual.drop.train()
    modes = [module.training for module in residual.modules()]
    reestimate(residual, list(x.split(sizes)))
    after = {name: value.clone() for name, value in residual.state_dict().items()}
    assert [module.training for module in residual.modules()] == modes
    assert (residual.norm1.momentum, residual.norm2.momentum) == (0.3, 0.1)
    for name, value in after.items():
        if "running" not in name or "idle" in name:
            assert torch.equal(value, before[name]), name
        else:
            assert not torch.equal(value, before[name]), name
    assert_statistics_of_all(residual, x, ("norm1", "norm2", "short", "norm3"))


def test_pairs_and_a_shuffling_loader_do(residual, x, state):
    start = state(residual)
    random_state = torch.random.get_rng_state()
    results = []
    for batches in (
        [x],
        [(x[:7], "no target"), (x[7:], None)],
        DataLoader(TensorDataset(x), batch_size=4, shuffle=True),
        DataLoader(TensorDataset(x, torch.zeros(30)), batch_size=9, shuffle=True),
    ):
        residual.load_state_dict(start)
        reestimate(residual, batches)
        results.append(state(residual))
    assert torch.equal(torch.random.get_rng_state(), random_state)
    for name, value in results[0].items():
        for other in results[1:]:
            torch.testing.assert_close(other[name], value)


def test_a_layer_that_is_used_twice_sees_both_inputs(x):
    model = nn.Sequential(nn.Flatten(), norm := nn.BatchNorm1d(36, affine=False), nn.ReLU(), norm)
    reestimate(model, list(x.split(10)))
    flat = x.flatten(1)
    first = torch.relu((flat - 0) / (1 + norm.eps) ** 0.5)  # as the second pass through it was normalised before
    torch.testing.assert_close(norm.running_mean, torch.cat([flat, first]).mean(0))


def test_a_layer_without_running_statistics_is_passed_over(x):
    model = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), norm := nn.BatchNorm2d(1))
    reestimate(model, [x])
    torch.testing.assert_close(norm.running_mean, torch.zeros(1), rtol=0, atol=1e-5)


def test_progress_names_each_layer(residual, x):
    said = []
    reestimate(residual, list(x.split(15)), progress=said.append)
    assert said == [
        f"BatchNorm {name}, {number} of 4" for number, name in enumerate(("norm1", "norm2", "short", "norm3"), 1)
    ]


def test_a_model_without_batch_norm_is_left_as_it_is(mlp, batches, state):
    before = state(mlp)
    reestimate(mlp.train(), batches)
    assert mlp.training
    assert all(torch.equal(value, before[name]) for name, value in mlp.state_dict().items())


def test_refusals_leave_the_statistics(residual, x, state):
    before = state(residual)
    bad = x.clone()
    bad[-1] = float("nan")
    cases = [
        ([], r"^batches must hold at least one input, but is empty$"),
        (iter([x]), r"^batches must be a list or DataLoader, read anew for each layer, not an iterator$"),
        ([x, "x"], r"^batch 1 must be a tensor, \(input,\) or a pair \(input, target\), not str$"),
        ([x[:1]], r"^batches must give BatchNorm 'norm3' two values per channel or more, not 1$"),
        ([x, bad], r"^inputs of BatchNorm 'norm1' must be finite, but hold NaN or infinity$"),
        ([bad], r"^inputs of BatchNorm 'norm1' must be finite, but hold NaN or infinity$"),
    ]
    for batches, message in cases:
        with pytest.raises(InputError, match=message):
            reestimate(residual, batches)
        assert all(torch.equal(value, before[name]) for name, value in residual.state_dict().items())
