"""Taps that fill their memory to the last address."""

from __future__ import annotations

import numpy as np
from tests.sim.chain import chain, linear

import zeroskip as zs
from zeroskip.contracts.layout import PART, Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor


def network(taps: int) -> QuantizedNetwork:
    """One dense layer, whose rows have so many taps in the only lane."""
    weight, value = np.ones((2, taps), dtype=np.int64), QuantizedTensor(scale=1.0, zero_point=0, signed=False)
    whole = np.full(2, 1 << 15)
    layer = linear("fc", weight, value, bias=np.zeros(2, dtype=np.int64), multiplier=whole, shift=np.full(2, 20))
    return chain([layer], [value, value], 8)


def test_the_tap_behind_the_last_wraps_around() -> None:
    design = zs.assemble(network(16), zs.ArrayConfig(lanes=1, word=8))
    layout, words = Layout(design.config), design.program.images["constants"]
    assert design.config.tap_depth == 1 << layout.tap_bits == 16
    constants = layout.constants.decode(sum(word << PART * i for i, word in enumerate(words)))
    assert (constants["n"], constants["tap_base"], constants["tap_next"]) == (16, 0, 0)
