"""What every criterion has in common, on the edges of what it may be given."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from zeroskip.cli.arguments import Method
from zeroskip.contracts.errors import InputError
from zeroskip.prune import CRITERIA, Criterion, criterion_named
from zeroskip.prune.criteria.registry import NEEDS

ALL = [pytest.param(criterion, id=name) for name, criterion in CRITERIA.items()]
LOOKING = [pytest.param(criterion, id=name) for name, criterion in CRITERIA.items() if criterion.needs != "weights"]
# those that rank by chance have no equals; those that update the weights meanwhile rank each by what the others became
RANKING = [
    pytest.param(criterion, id=name)
    for name, criterion in CRITERIA.items()
    if not criterion.seeded and not criterion.updates
]


def masks(criterion: Criterion, model: nn.Module, sparsity, batches, **options):
    return criterion.masks(model, sparsity, batches, **{"pattern": "unstructured"} | options)


def gone(found) -> dict[str, int]:
    return {name: int((~mask).sum()) for name, mask in found.items()}


def first_are_gone(mask: torch.Tensor, count: int) -> bool:
    return mask.flatten().tolist() == [False] * count + [True] * (mask.numel() - count)


def test_the_command_line_names_them_all():
    assert {method.value for method in Method} == set(CRITERIA)
    assert all(method.name == method.value for method in Method)
    assert all(name == criterion.name == criterion_named(name).name for name, criterion in CRITERIA.items())
    assert {criterion.needs for criterion in CRITERIA.values()} == set(NEEDS)


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match=r"^criterion must be one of random, magnitude, wanda, .*, not 'best'$"):
        criterion_named("best")


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("allocation", ["uniform", "global", "erk", "lamp"])
def test_nothing_goes_at_zero_and_all_at_one(mixed, batches, criterion, allocation):
    assert all(mask.all() for mask in masks(criterion, mixed, 0, batches, allocation=allocation).values())
    assert not any(mask.any() for mask in masks(criterion, mixed, 1, batches, allocation=allocation).values())


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("sparsity", [0.29, 0.5, 0.93])
def test_exactly_that_many_go_of_every_kind_of_layer(mixed, batches, criterion, sparsity):
    found = masks(criterion, mixed, sparsity, batches)
    sizes = {"conv1.weight": 6, "conv2.weight": 12, "fc1.weight": 126, "fc2.weight": 28}
    assert gone(found) == {name: math.floor(Fraction(str(sparsity)) * size) for name, size in sizes.items()}
    for name, mask in found.items():
        assert mask.dtype == torch.bool
        assert mask.shape == mixed.get_parameter(name).shape
        assert mask.device == mixed.get_parameter(name).device
    together = masks(criterion, mixed, sparsity, batches, allocation="global")
    assert sum(gone(together).values()) == math.floor(Fraction(str(sparsity)) * 172)


@pytest.mark.parametrize("criterion", ALL)
def test_sparsities_by_layer(mixed, batches, criterion):
    found = masks(criterion, mixed, {"fc1": 0.5, "conv2.weight": 1.0, "fc2": 0.0}, batches)
    assert gone(found) == {"conv1.weight": 0, "conv2.weight": 12, "fc1.weight": 63, "fc2.weight": 0}


@pytest.mark.parametrize("criterion", ALL)
def test_excluded_layers_keep_all_and_do_not_count(mixed, batches, criterion):
    found = masks(criterion, mixed, 0.5, batches, exclude=("conv1", "fc2.weight"))
    assert gone(found) == {"conv1.weight": 0, "conv2.weight": 6, "fc1.weight": 63, "fc2.weight": 0}
    found = masks(criterion, mixed, 0.5, batches, exclude="fc1", allocation="global")
    assert found["fc1.weight"].all()
    assert sum(gone(found).values()) == 46 // 2


@pytest.mark.parametrize("criterion", ALL)
def test_the_same_twice_whatever_torchs_random_state(mixed, batches, criterion):
    weights = {name: value.clone() for name, value in mixed.state_dict().items()}
    first = masks(criterion, mixed, 0.5, batches)
    mixed.load_state_dict(weights)
    torch.manual_seed(1234)
    second = masks(criterion, mixed, 0.5, batches)
    assert list(first) == list(second)
    assert all(torch.equal(mask, second[name]) for name, mask in first.items())


class Restless(nn.Module):
    """Draws random numbers and changes a buffer even in evaluation mode."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.inner(dropout(x, 0.1))


@pytest.mark.parametrize("criterion", ALL)
def test_the_model_and_torchs_random_state_are_left_as_they_were(mixed, batches, state, criterion):
    model = Restless(mixed.train())
    mixed.norm.eval()
    mixed.fc1.weight.requires_grad_(False)
    mixed.fc2.weight.grad = torch.full((4, 7), 5.0)
    before, modes = state(model), [module.training for module in model.modules()]
    trained = [parameter.requires_grad for parameter in model.parameters()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]
    random_state = torch.random.get_rng_state()
    with torch.no_grad():
        masks(criterion, model, 0.5, batches)
    weights = {f"inner.{name}.weight" for name in ("conv1", "conv2", "fc1", "fc2")} if criterion.updates else set()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items() if name not in weights)
    assert [module.training for module in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == trained
    assert [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()] == hooks
    assert mixed.fc1.weight.grad is None
    assert torch.equal(mixed.fc2.weight.grad, torch.full((4, 7), 5.0))
    assert torch.equal(torch.random.get_rng_state(), random_state)


@pytest.mark.parametrize("criterion", RANKING)
def test_of_equals_the_lowest_flat_index_goes_first(criterion):
    """Equal weights on equal inputs, and rows that the loss treats alike."""
    model = nn.Linear(5, 4, bias=False)
    model.weight.data.fill_(0.25)
    batches = [(torch.ones(3, 5), torch.zeros(3).long())]
    if criterion.needs == "labels":  # only the class that is right differs from the others
        found = masks(criterion, model, 0.35, batches)["weight"]
        scores = [int(row.sum()) for row in found]
        assert sorted(scores) == [0, 3, 5, 5]
        assert all(first_are_gone(row, 5 - count) for row, count in zip(found, scores, strict=True))
    else:
        assert first_are_gone(masks(criterion, model, 0.35, batches)["weight"], 7)


class Spare(nn.Module):
    """A layer that the output does not depend on, between two that it does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.spare, self.last = nn.Linear(12, 6), nn.Linear(6, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(x)))


@pytest.mark.parametrize("criterion", ALL)
def test_a_layer_that_the_loss_does_not_depend_on(batches, criterion):
    torch.manual_seed(0)
    found = masks(criterion, Spare(), 0.5, batches)
    assert gone(found) == {"first.weight": 36, "spare.weight": 18, "last.weight": 12}
    if criterion.needs != "weights" and not criterion.updates:
        assert first_are_gone(found["spare.weight"], 18)


@pytest.mark.parametrize("criterion", ALL)
def test_a_layer_whose_units_never_fire(mlp, batches, criterion):
    mlp[0].bias.data.fill_(-1e3)
    found = masks(criterion, mlp, 0.5, batches)
    assert gone(found) == {"0.weight": 96, "2.weight": 32}
    if criterion.needs != "weights" and not criterion.updates:
        assert first_are_gone(found["2.weight"], 32)


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("layer", [0, 2])
def test_a_layer_of_zeros(mlp, batches, criterion, layer):
    mlp[layer].weight.data.zero_()
    found = masks(criterion, mlp, 0.5, batches)
    assert gone(found) == {"0.weight": 96, "2.weight": 32}
    # the gradient alone does not see that a weight is zero
    if not criterion.seeded and not criterion.updates and criterion.name != "gradient":
        name = f"{layer}.weight"
        assert first_are_gone(found[name], found[name].numel() // 2)


# GraSP has scores below zero too; those that update take a weight's size for the noise that its input might have
@pytest.mark.parametrize("criterion", [param for param in RANKING if param in LOOKING and param.id != "grasp"])
def test_weights_on_a_dead_input_go_before_all_others(batches, criterion):
    torch.manual_seed(0)
    model = nn.Linear(12, 4)
    model.weight.data[:, 7] = 50.0
    dead = torch.ones(12)
    dead[7] = 0
    found = masks(criterion, model, Fraction(1, 12), [(x * dead, target) for x, target in batches])["weight"]
    assert not found[:, 7].any()
    assert int(found.sum()) == 44


@pytest.mark.parametrize("criterion", ALL)
def test_a_weight_of_two_modules_is_one(batches, criterion):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 4))
    model[2].weight = model[0].weight
    found = masks(criterion, model, 0.5, batches)
    assert gone(found) == {"0.weight": 72, "4.weight": 24}
    assert model[2].weight is model[0].weight


@pytest.mark.parametrize("criterion", ALL)
def test_weights_with_nan_are_refused(mixed, batches, criterion):
    mixed.conv2.weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(InputError, match=r"^weight 'conv2\.weight' must be finite, but holds NaN or infinity$"):
        masks(criterion, mixed, 0.5, batches)


@pytest.mark.parametrize("criterion", LOOKING)
def test_inputs_with_nan_are_refused(mixed, batches, criterion):
    x, target = batches[0]
    bad = x.clone()
    bad[3, 5] = float("nan")
    with pytest.raises(InputError, match=r"^.* of .*'conv1\.weight' must be finite, but hold NaN or infinity$"):
        masks(criterion, mixed, 0.5, [(x, target), (bad, target)])


@pytest.mark.parametrize("criterion", LOOKING)
def test_no_batches_are_refused(mixed, criterion):
    with pytest.raises(InputError, match=r"^batches must hold at least one .*, but is empty$"):
        masks(criterion, mixed, 0.5, [])
    what = "inputs and targets" if criterion.needs == "labels" else "inputs"
    with pytest.raises(InputError, match=rf"^criterion '{criterion.name}' needs batches of {what}$"):
        criterion.masks(mixed, 0.5)


@pytest.mark.parametrize("criterion", ALL)
def test_what_is_wrong_without_the_batches_is_refused_before_they_are_read(mixed, criterion):
    def batches():
        pytest.fail("the batches were read")
        yield

    for options, message in [
        ({"sparsity": 2}, r"^sparsity must be a number from 0 to 1, not 2$"),
        ({"allocation": "all"}, r"^allocation must be one of "),
        ({"pattern": "all"}, r"^pattern must be one of "),
        ({"exclude": "norm"}, r"^exclude: unknown name 'norm'; "),
    ]:
        with pytest.raises(InputError, match=message):
            criterion.masks(mixed, **{"sparsity": 0.5, "batches": batches()} | options)


@pytest.mark.parametrize("criterion", ALL)
def test_targets_are_needed_where_the_criterion_says_so(mixed, batches, criterion):
    alone = [x for x, _ in batches]
    if criterion.needs == "labels":
        with pytest.raises(InputError, match=r"^batch 0 must be a pair \(input, target\), not Tensor$"):
            masks(criterion, mixed, 0.5, alone)
        return
    weights = {name: value.clone() for name, value in mixed.state_dict().items()}
    expected = masks(criterion, mixed, 0.5, batches)
    mixed.load_state_dict(weights)
    found = masks(criterion, mixed, 0.5, alone)
    assert all(torch.equal(mask, expected[name]) for name, mask in found.items())


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("pattern", ["nm:4", "block:2x2", "channel", "balanced:2"])
def test_every_pattern(mixed, batches, criterion, pattern):
    removed = gone(masks(criterion, mixed, 0.5, batches, pattern=pattern))
    assert 0 < removed["fc1.weight"] < 126
    assert 0 < removed["fc2.weight"] < 28


@pytest.mark.parametrize("criterion", ALL)
def test_the_criterions_own_pattern_is_taken_unless_one_is_given(mixed, batches, criterion):
    weights = {name: value.clone() for name, value in mixed.state_dict().items()}
    by_name = criterion.masks(mixed, 0.5, batches)
    mixed.load_state_dict(weights)
    given = () if criterion.needs == "weights" else (batches,)
    by_hand = criterion.function(mixed, 0.5, *given)
    assert all(torch.equal(mask, by_hand[name]) for name, mask in by_name.items())


def test_the_seed_reaches_those_that_take_one(mlp):
    seeded = [criterion for criterion in CRITERIA.values() if criterion.seeded]
    assert seeded
    for criterion in seeded:
        first, second = (criterion.masks(mlp, 0.5, seed=seed)["0.weight"] for seed in (1, 2))
        assert not torch.equal(first, second)
