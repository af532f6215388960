"""Sparsities under a budget, against trying all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.contracts.errors import InputError
from zeroskip.prune.budget.allocate import Cost, CostOf, allocate, knapsack
from zeroskip.prune.budget.sensitivity import Sensitivity

QUARTERS = tuple(Fraction(number, 4) for number in range(4))


def curves(losses: Mapping[str, tuple[float, ...]], weights: Mapping[str, int]) -> Sensitivity:
    return Sensitivity(sparsities=QUARTERS, losses=losses, weights=weights)


def kept(weights: Mapping[str, int], price: Mapping[str, int], fixed: int = 0) -> CostOf:
    """The weights that stay, each at the price of its layer, and something besides."""

    def cost(sparsities: Mapping[str, Fraction]) -> Cost:
        layers = {n: price[n] * (weights[n] - math.floor(sparsities.get(n, Fraction(0)) * weights[n])) for n in weights}
        return Cost(sum(layers.values()) + fixed, layers)

    return cost


def rise(found: Sensitivity, sparsities: Mapping[str, Fraction]) -> float:
    """The sum of the layers' losses, made to rise and interpolated."""
    return sum(
        float(
            np.interp(
                math.floor(sparsities[n] * found.weights[n]),
                [math.floor(s * found.weights[n]) for s in found.sparsities],
                np.maximum.accumulate(np.array(losses) - losses[0]),
            )
        )
        for n, losses in found.losses.items()
    )


items = st.lists(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=4), min_size=1, max_size=4
)


@given(items, st.integers(-5, 200))
def test_the_knapsack_is_as_good_as_trying_everything(items, budget):
    losses = [np.array([loss for loss, _ in options], dtype=float) for options in items]
    costs = [np.array([cost for _, cost in options]) for options in items]
    chosen = knapsack(losses, costs, budget)
    fitting = [
        sum(loss for loss, _ in choice) for choice in product(*items) if sum(cost for _, cost in choice) <= budget
    ]
    assert (chosen is None) == (not fitting)
    if chosen is not None:
        assert sum(cost[i] for cost, i in zip(costs, chosen, strict=True)) <= budget
        assert sum(loss[i] for loss, i in zip(losses, chosen, strict=True)) == min(fitting)


def test_a_budget_of_many_units_is_never_exceeded():
    costs = [np.array([1_000_003, 500_009, 7]) for _ in range(3)]
    losses = [np.array([0.0, 1.0, 3.0]) for _ in range(3)]
    for budget in (21, 1_500_040, 2_000_040, 3_000_009):
        chosen = knapsack(losses, costs, budget)
        assert chosen is not None
        assert sum(int(cost[i]) for cost, i in zip(costs, chosen, strict=True)) <= budget
    assert knapsack(losses, costs, 3_000_500) == [0, 0, 0]


layers = st.integers(1, 3).flatmap(
    lambda count: st.tuples(
        st.lists(st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=count, max_size=count),
        st.lists(st.integers(4, 12), min_size=count, max_size=count),
        st.lists(st.integers(1, 9), min_size=count, max_size=count),
    )
)


@given(layers, st.integers(0, 100), st.integers(0, 20))
def test_the_budget_is_met_with_no_more_loss_than_any_grid_has(drawn, percent, fixed):
    names = [f"l{i}" for i in range(len(drawn[0]))]
    found = curves(dict(zip(names, map(tuple, drawn[0]), strict=True)), dict(zip(names, drawn[1], strict=True)))
    cost = kept(found.weights, dict(zip(names, drawn[2], strict=True)), fixed)
    least = cost(dict.fromkeys(names, QUARTERS[-1])).total
    budget = least + (cost({}).total - least) * percent // 100
    chosen = allocate(found, cost, budget, step=1)
    assert cost(chosen).total <= budget
    grid = [
        rise(found, dict(zip(names, choice, strict=True)))
        for choice in product(*[[Fraction(math.floor(q * found.weights[n]), found.weights[n]) for q in QUARTERS] for n in names])
        if cost(dict(zip(names, choice, strict=True))).total <= budget
    ]  # fmt: skip
    assert rise(found, chosen) <= min(grid) + 1e-9


@pytest.mark.parametrize("budget", [400, 437, 700, 999, 1000, 2000])
def test_single_weights_fill_the_budget_to_the_last_unit(budget):
    found = curves({"a": (0, 1, 3, 9), "b": (0, 5, 6, 7)}, {"a": 600, "b": 400})
    cost = kept(found.weights, {"a": 1, "b": 1})
    assert cost(allocate(found, cost, budget)).total == min(budget, 1000)


def test_the_layer_that_costs_the_loss_little_is_pruned_most():
    found = curves({"a": (0, 1, 3, 9), "b": (0, 0.1, 0.2, 0.4)}, {"a": 100, "b": 100})
    chosen = allocate(found, kept(found.weights, {"a": 1, "b": 1}), 125)
    assert chosen == {"a": 0, "b": Fraction(3, 4)}
    dearer = allocate(found, kept(found.weights, {"a": 100, "b": 1}), 5_075)
    assert dearer["a"] == Fraction(1, 2)


def test_what_the_sum_of_the_layers_misses_of_the_total_is_made_up_for():
    """A total with waits between the layers, as cycles have: fewer in sparse networks, and never the plain sum."""
    found = curves({n: (0, 1 + i, 3 + i, 9) for i, n in enumerate("abc")}, {"a": 300, "b": 500, "c": 200})
    plain = kept(found.weights, {"a": 7, "b": 3, "c": 2})

    def cost(sparsities: Mapping[str, Fraction]) -> Cost:
        layers = plain(sparsities).layers
        return Cost(sum(layers.values()) + 40 + sum(layers.values()) % 13 + max(layers.values()) // 20, layers)

    for percent in range(30, 101, 5):
        budget = cost({}).total * percent // 100
        total = cost(allocate(found, cost, budget)).total
        assert budget - 20 < total <= budget


def test_excluded_layers_stay_whole_and_count():
    found = curves({"a": (0, 1, 2, 3)}, {"a": 100})
    cost = kept({"a": 100, "rest": 50}, {"a": 1, "rest": 1})
    assert allocate(found, cost, 100) == {"a": Fraction(1, 2)}


def test_exact_costs_are_asked_for_once_each_and_not_without_end():
    found = curves(dict.fromkeys("abcd", (0, 1, 2, 3)), dict.fromkeys("abcd", 10_000))
    plain, asked, said = kept(found.weights, dict(zip("abcd", (7, 5, 3, 2), strict=True))), [], []

    def cost(sparsities: Mapping[str, Fraction]) -> Cost:
        asked.append(tuple(sparsities.values()))
        return plain(sparsities)

    chosen = allocate(found, cost, 100_001, evaluations=9, progress=said.append)
    assert plain(chosen).total <= 100_001
    assert len(asked) == len(set(asked)) == len(said) <= 9
    assert said[0] == "budget: cost of choice 1"


def test_refusals():
    found = curves({"a": (0, 1, 2, 3)}, {"a": 100})
    message = (
        r"^budget of 24 is out of reach: with every layer at the largest sparsity measured, 0\.75, the cost is 25$"
    )
    with pytest.raises(InputError, match=message):
        allocate(found, kept(found.weights, {"a": 1}), 24)
    assert allocate(found, kept(found.weights, {"a": 1}), 25) == {"a": Fraction(3, 4)}
    with pytest.raises(InputError, match=r"^step must be above 0 and at most 1, not 0$"):
        allocate(found, kept(found.weights, {"a": 1}), 50, step=0)


def test_a_structured_pattern_that_meets_the_budget_at_the_largest_sparsity_alone_is_found():
    """3 of each 4 go at 3/4, but only 2 of each 4 at the 7/10 that 7 of 10 weights are."""
    found = curves({"a": (0, 1, 2, 3)}, {"a": 10})

    def cost(sparsities: Mapping[str, Fraction]) -> Cost:
        kept = 10 - math.floor(sparsities.get("a", Fraction(0)) * 4) * 10 // 4
        return Cost(kept, {"a": kept})

    assert allocate(found, cost, 3) == {"a": Fraction(3, 4)}
