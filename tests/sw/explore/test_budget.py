"""Models pruned to a budget: met by the exact cost, and by the simulation's count."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs
from zeroskip import prune
from zeroskip.contracts.errors import InputError
from zeroskip.explore.budget import Budget, BudgetResult
from zeroskip.explore.costs import costs
from zeroskip.prune.budget.sensitivity import loss_on
from zeroskip.prune.criteria.registry import CRITERIA

CONFIG = zs.ArrayConfig(lanes=2, columns=2)
Batches = list[tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="module")
def case() -> tuple[nn.Module, Batches, np.ndarray]:
    """A small convolutional network that tells apart images by the brighter of four corners."""
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
    head = nn.Sequential(nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4))
    model = nn.Sequential(*body, *head)
    y = torch.randint(4, (256,))
    x = torch.randn(256, 1, 8, 8)
    for corner in range(4):
        top, left = 4 * (corner // 2), 4 * (corner % 2)
        x[y == corner, :, top : top + 4, left : left + 4] += 1.0
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        for part, target in zip(x.split(64), y.split(64), strict=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(part), target).backward()
            optimizer.step()
    return model.eval(), list(zip(x.split(64), y.split(64), strict=True)), x.numpy()


def met_by(case: tuple[nn.Module, Batches, np.ndarray], budget: str, *, progress=None, **options) -> BudgetResult:
    model, batches, x = case
    chosen = zs.BudgetOptions(calibration=x, config=CONFIG, **options)
    return zs.prune_to_budget(model, budget, batches, chosen, progress=progress)


@pytest.mark.parametrize(
    "budget, slack", [("weights=30%", 0), ("bits=60%", 64), ("cycles=40%", 40), ("cycles=1500", 40)]
)
def test_the_budget_is_met_closely_from_below(case, budget, slack):
    met = met_by(case, budget)
    figures = costs(met.model, met.masks, calibration=case[2], config=CONFIG)
    assert met.cost == figures.of(met.kind).total
    assert met.limit - slack <= met.cost <= met.limit
    assert met.limit == (1500 if budget == "cycles=1500" else int(Budget.of(budget).amount * met.dense))
    for name, mask in met.masks.items():
        assert int((~mask).sum()) == math.floor(met.sparsities[name] * mask.numel())


@pytest.mark.verilator
def test_the_simulation_counts_the_cycles_of_the_budget_and_uniform_sparsity_loses_more(case):
    model, batches, x = case
    met = met_by(case, "cycles=40%")
    design = zs.compile(met.model, torch.from_numpy(x[:1]), calibration=x, masks=met.masks, config=CONFIG)
    run = design.simulate(x[:4])
    assert run.difference is None
    assert run.cycles.interval == met.cost <= 0.4 * design.dense_cycles.interval
    uniform = next(
        masks
        for percent in range(100)
        if costs(model, masks := prune.magnitude(model, percent / 100), calibration=x, config=CONFIG).of("cycles").total
        <= met.cost
    )
    other = copy.deepcopy(model)
    prune.apply(other, uniform)
    loss = loss_on(batches)
    assert loss(met.model) < loss(other)


def test_weights_need_no_calibration_and_the_model_stays_as_it_was(case):
    model, batches, _ = case
    before = copy.deepcopy(model.state_dict())
    met = zs.prune_to_budget(
        model, "weights=400", batches, zs.BudgetOptions(method="taylor", exclude=["6"], sparsities=[0.5, 0.9])
    )
    assert (met.cost, met.dense, met.costs) == (400, 6 * 9 + 8 * 54 + 4 * 72, None)
    assert met.cost == sum(int(mask.sum()) for mask in met.masks.values())
    assert met.masks["6.weight"].all()
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("method", [name for name, found in CRITERIA.items() if found.updates])
def test_updated_weights_meet_the_budget_too(case, method):
    model, _, x = case
    met = met_by(case, "cycles=40%", method=method, sparsities=[0.5, 0.9])
    assert costs(met.model, met.masks, calibration=x, config=CONFIG).of("cycles").total == met.cost <= met.limit
    assert not torch.equal(met.model[0].weight, model[0].weight * met.masks["0.weight"])


def test_an_interrupted_search_measures_nothing_twice(case, tmp_path):
    said: list[str] = []
    first = met_by(case, "weights=30%", cache=tmp_path / "losses.json", progress=said.append)
    assert any("sensitivity" in line for line in said)
    said.clear()
    again = met_by(case, "weights=30%", cache=tmp_path / "losses.json", progress=said.append)
    assert not any("sensitivity" in line for line in said)
    assert again.sparsities == first.sparsities


@pytest.mark.parametrize("text", ["cycles", "cycles=", "cycles=-5", "area=40%", "cycles=40.5", "cycles=101%", "40%"])
def test_budgets_that_mean_nothing_are_refused(text):
    rule = r"weights, bits, cycles with an amount or a share of dense, as cycles=120000 or cycles=40%"
    with pytest.raises(InputError, match=rf"^budget must be {rule}, not {text!r}$"):
        Budget.of(text)


def test_refusals(case):
    model, batches, x = case
    with pytest.raises(
        InputError, match=r"^a budget of cycles needs calibration inputs, from which the integers are made$"
    ):
        zs.prune_to_budget(model, "cycles=40%", batches)
    with pytest.raises(
        InputError,
        match=r"^budget of 7 is out of reach: with every layer at the largest sparsity measured, 0\.5, the cost is [\d,]+$",
    ):
        met_by((model, batches, x), "cycles=7", sparsities=[0.5])
