from __future__ import annotations

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.prune.training.sparsity_schedule import Ramp


def test_a_cubic_between_its_ends():
    ramp = Ramp(final=0.9, initial=0.1, begin=0.25, end=0.75)
    assert [ramp.at(progress) for progress in (0.0, 0.25)] == pytest.approx([0.1, 0.1])
    assert ramp.at(0.5) == pytest.approx(0.9 - 0.8 / 8)
    assert ramp.at(0.375) == pytest.approx(0.9 - 0.8 * 0.75**3)
    assert [ramp.at(progress) for progress in (0.75, 1.0)] == [0.9, 0.9]


def test_it_never_falls():
    values = [Ramp(final=0.98, initial=0.3, begin=0.1, end=0.9).at(number / 100) for number in range(101)]
    assert values == sorted(values)


def test_layers_rise_each_to_its_own():
    final = {"a": 0.8, "b": 0.1}
    ramp = Ramp(final=final, initial=0.2)
    assert ramp.at(0.5) == pytest.approx({"a": 0.8 - 0.6 / 8, "b": 0.1})
    assert ramp.at(1.0) is final


def test_a_ramp_of_no_length_is_a_jump():
    ramp = Ramp(final=0.5, begin=0.5, end=0.5)
    assert [ramp.at(progress) for progress in (0.0, 0.49, 0.5)] == [0, 0, 0.5]


def test_refusals():
    for name in ("begin", "end"):
        for value in (-0.1, 1.1, float("nan"), "a", True):
            with pytest.raises(InputError, match=rf"^{name} must be a number from 0 to 1, not {value!r}$"):
                Ramp(final=0.5, **{name: value})
    with pytest.raises(InputError, match=r"^begin must not be after end, but is 0\.6 with an end of 0\.5$"):
        Ramp(final=0.5, begin=0.6, end=0.5)
    with pytest.raises(InputError, match=r"^initial sparsity must be a number from 0 to 1, not 2$"):
        Ramp(final=0.5, initial=2)
    with pytest.raises(InputError, match=r"^initial sparsity must not be above the final 0\.5, but is 0\.6$"):
        Ramp(final=0.5, initial=0.6)
