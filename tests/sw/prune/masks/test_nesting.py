from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.prune.masks.nesting import nested


def bools(*values):
    return torch.tensor([bool(value) for value in values])


def test_masks_that_nest_stay_as_they_are():
    wanted, kept = {"a": bools(1, 0, 0)}, {"a": bools(1, 1, 0)}
    assert torch.equal(nested(wanted, kept, {"a": torch.ones(3)})["a"], wanted["a"])


def test_what_would_come_back_is_replaced_by_the_highest_of_the_layer():
    result = nested({"a": bools(1, 1, 0, 0)}, {"a": bools(0, 1, 1, 1)}, {"a": torch.tensor([9.0, 5, 1, 2])})
    assert result["a"].int().tolist() == [0, 1, 0, 1]


def test_a_layer_that_has_too_few_left_takes_from_the_others():
    wanted = {"a": bools(1, 1), "b": bools(0, 0, 1)}
    kept = {"a": bools(1, 0), "b": bools(1, 1, 1)}
    result = nested(wanted, kept, {"a": torch.ones(2), "b": torch.tensor([1.0, 2.0, 3.0])})
    assert result["a"].int().tolist() == [1, 0]
    assert result["b"].int().tolist() == [0, 1, 1]


masks = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)


@given(st.lists(masks, min_size=1, max_size=4))
def test_nothing_comes_back_and_as_many_stay_as_can(layers):
    wanted = {str(number): bools(*(pair[0] for pair in layer)) for number, layer in enumerate(layers)}
    kept = {str(number): bools(*(pair[1] for pair in layer)) for number, layer in enumerate(layers)}
    result = nested(wanted, kept, {name: torch.arange(float(len(mask))) for name, mask in kept.items()})
    assert not any((mask & ~kept[name]).any() for name, mask in result.items())
    count, available = (sum(int(mask.sum()) for mask in group.values()) for group in (wanted, kept))
    assert sum(int(mask.sum()) for mask in result.values()) == min(count, available)
