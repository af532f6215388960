"""Arrays and networks that are packed in tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from tests.sim.any_network import any_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.pack import pack
from zeroskip.schedule import Schedule, schedule

arrays = st.builds(
    ArrayConfig, lanes=st.one_of(st.integers(1, 12), st.integers(1, 64)), columns=st.integers(1, 16), epilogues=st.sampled_from([1, 2, 4]),
    word=st.sampled_from([8, 16, 32, 64]), stream_bits=st.sampled_from([8, 16, 32, 64]), strips=st.sampled_from([None, False, True]),
)  # fmt: skip


def planned(network: QuantizedNetwork, array: ArrayConfig) -> tuple[Schedule, Program]:
    """``network`` on an open ``array``, whose weights are as wide as the network's."""
    plan = schedule(network, replace(array, weight_bits=network.weight_bits))
    return plan, pack(plan)


def any_vectors(seed: int, array: ArrayConfig, weight_bits: int) -> QuantizedNetwork:
    """Fully connected layers with any mask, empty rows and columns among them."""
    room = replace(
        array, weight_bits=weight_bits, acc_bits=38, tile_bits=1, mask_depth=4096, weight_depth=4096, input_depth=300,
        hidden_depth=700, output_depth=300, row_depth=2048, layer_depth=6,
    )  # fmt: skip
    return any_network(np.random.default_rng(seed), room, largest=70)
