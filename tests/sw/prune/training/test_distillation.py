from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.contracts.errors import InputError
from zeroskip.prune import apply, fine_tune, magnitude
from zeroskip.prune.training.distillation import divergence, objective


def test_the_divergence_by_hand():
    output, taught = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 3.0], [1.0, 1.0]])
    for temperature in (1.0, 4.0):
        p, q = (torch.softmax(scores / temperature, 1) for scores in (taught, output))
        expected = temperature**2 * (p * (p / q).log()).sum(1).mean()
        assert divergence(output, taught, temperature).item() == pytest.approx(expected.item(), rel=1e-5)
    assert divergence(taught, taught, 4.0).item() == pytest.approx(0, abs=1e-6)


def test_samples_positions_and_a_single_one_weigh_the_same():
    output, taught = torch.randn(2, 3, 5), torch.randn(2, 3, 5)
    expected = torch.stack([divergence(output[n, :, i], taught[n, :, i], 2.0) for n in range(2) for i in range(5)])
    assert divergence(output, taught, 2.0).item() == pytest.approx(expected.mean().item(), rel=1e-5)


def test_the_two_parts_are_weighed(mlp, batches):
    teacher = copy.deepcopy(mlp)
    apply(mlp, magnitude(mlp, 0.8))
    x, target = batches[0]
    output, taught = mlp(x), teacher(x)
    parts = cross_entropy(output, target).item(), divergence(output, taught, 3.0).item()
    for share in (0, 0.25, 1):
        value = objective(mlp, cross_entropy, teacher, 3.0, share)((x,), output, target)
        assert value.item() == pytest.approx((1 - share) * parts[0] + share * parts[1], rel=1e-5)


def fast(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def test_the_student_comes_nearer_to_its_teacher_which_stays_as_it_was(mixed, batches, state):
    fine_tune(mixed, {}, batches, epochs=3, optimizer=fast)
    teacher = copy.deepcopy(mixed).train()
    teacher.conv1.eval()
    teacher.conv1.weight.requires_grad_(False)
    before, modes = state(teacher), [module.training for module in teacher.modules()]
    masks = magnitude(mixed, 0.6)
    apply(mixed, masks)

    def distance():
        with torch.no_grad():
            return sum(divergence(mixed(x), copy.deepcopy(teacher).eval()(x), 4.0).item() for x, _ in batches)

    first = distance()
    fine_tune(mixed, masks, batches, epochs=5, optimizer=fast, teacher=teacher, distillation=1.0)
    assert distance() < 0.5 * first
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert [module.training for module in teacher.modules()] == modes
    assert not teacher.conv1.weight.requires_grad
    assert teacher.fc1.weight.requires_grad
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_without_weight_the_teacher_changes_nothing(mlp, batches, state):
    start = state(mlp)
    results = []
    for options in ({}, {"teacher": nn.Linear(12, 4), "distillation": 0}):
        mlp.load_state_dict(start)
        fine_tune(mlp, {}, batches, epochs=2, **options)
        results.append(state(mlp))
    assert all(torch.equal(value, results[1][name]) for name, value in results[0].items())


def test_the_teacher_is_put_back_after_an_error(mlp, batches):
    teacher = copy.deepcopy(mlp).train()
    with pytest.raises(ZeroDivisionError):
        fine_tune(mlp, {}, batches, epochs=1, teacher=teacher, loss=lambda output, target: 1 / 0)
    assert teacher.training


def test_refusals(mlp, batches):
    teacher = copy.deepcopy(mlp)

    def tuned(**options):
        fine_tune(mlp, {}, batches, epochs=1, **{"teacher": teacher, **options})

    with pytest.raises(InputError, match=r"^teacher must be a torch\.nn\.Module, not function$"):
        tuned(teacher=lambda x: x)
    for shared in (mlp, nn.Sequential(mlp[0], nn.ReLU(), nn.Linear(16, 4))):
        with pytest.raises(
            InputError,
            match=r"^teacher must not share parameters with the model; take a copy\.deepcopy of it made before",
        ):
            tuned(teacher=shared)
    with pytest.raises(InputError, match=r"^teacher must lie on the model's device cpu, not meta$"):
        tuned(teacher=copy.deepcopy(mlp).to("meta"))
    for temperature in (0, -1, float("inf"), None, True):
        with pytest.raises(InputError, match=rf"^temperature must be a finite number above 0, not {temperature}$"):
            tuned(temperature=temperature)
    for share in (-0.1, 1.5, float("nan"), "a"):
        with pytest.raises(InputError, match=rf"^distillation must be a number from 0 to 1, not {share!r}$"):
            tuned(distillation=share)
    with pytest.raises(InputError, match=r"^teacher must have outputs of the model's shape \(16, 4\), not \(16, 5\)$"):
        tuned(teacher=nn.Linear(12, 5))
    with pytest.raises(
        InputError, match=r"^distillation needs models whose output is one tensor of scores for the classes$"
    ):
        divergence((torch.ones(2),), torch.ones(2), 1.0)
