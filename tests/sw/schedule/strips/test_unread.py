"""A tensor that nothing reads has no place in the array, and is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sim.image_cases import case

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError
from zeroskip.schedule import schedule


def test_a_tensor_that_nothing_reads() -> None:
    network = case("depthwise_then_pointwise")
    cut = replace(network, layers=network.layers[:-1])
    unread = cut.layers[-1].output
    with pytest.raises(InputError, match=rf"^tensor '{unread}': must be read by a layer, or be the output$"):
        schedule(cut, ArrayConfig())
