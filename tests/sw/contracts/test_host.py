"""The operators of the host, against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.host import HostOperator, on_host

VALUES = np.random.default_rng(1).normal(0, 200, size=(3, 4, 5))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str, axis: int) -> None:
    expected = getattr(torch, name)(torch.from_numpy(VALUES), axis + 1).numpy()
    np.testing.assert_allclose(HostOperator(name=name, axis=axis)(VALUES), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_places(name: str, axis: int, keepdim: bool) -> None:
    expected = getattr(torch, name)(torch.from_numpy(VALUES), axis + 1, keepdim).numpy()
    np.testing.assert_array_equal(HostOperator(name=name, axis=axis, keepdim=keepdim)(VALUES), expected)


def test_one_after_the_other() -> None:
    operators = (HostOperator(name="softmax", axis=1), HostOperator(name="argmax", axis=1, keepdim=False))
    np.testing.assert_array_equal(on_host(operators, VALUES), VALUES.argmax(axis=2))
    assert str(operators[0]) == "softmax over axis 1"


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"^host operator 'sort': must be one of softmax, log_softmax, argmax, argmin$"
    ):
        HostOperator(name="sort", axis=0)
