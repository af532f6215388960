"""The prediction's short cuts; that its figures are the RTL's is shown where networks are simulated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_networks
from tests.sim.image_builder import Builder

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.timing import (
    ISSUE_TO_GRANT,
    START_TO_PASS,
    WRITTEN_TO_END,
    grant_to_total,
    pass_to_issue,
    requantize_stages,
)
from zeroskip.schedule import Schedule, predict, schedule
from zeroskip.schedule.encoding import encoding
from zeroskip.schedule.lanes.plan import LaneShare, OwnedLayer
from zeroskip.schedule.prediction import cycles, merge_time
from zeroskip.schedule.prediction.words import words_of


class _Forgetful(dict[object, Any]):
    def __contains__(self, key: object) -> bool:
        return False


def walked(plan: Schedule) -> Cycles:
    """The prediction of every tile of every group, one by one."""

    def runs(layer: OwnedLayer) -> Iterator[tuple[int, int]]:
        for writes in layer.writes:
            yield from [(len(writes), 1)] * layer.width

    def forgetful(self: Any, *arguments: Any) -> None:
        begin(self, *arguments)
        self._known = _Forgetful()

    begin = cycles._Group.__init__
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(merge_time, "_runs", runs)
        patched.setattr(cycles._Group, "__init__", forgetful)
        return predict(plan)


@settings(max_examples=100, deadline=None)
@given(
    image_networks(), st.integers(1, 12), st.integers(1, 8), st.sampled_from([1, 1, 2, 4]), st.sampled_from([0.02, 0.3, 1.0]),
    st.integers(0, 2**31),
)  # fmt: skip
def test_what_comes_again_need_not_be_walked(
    network: QuantizedNetwork, lanes: int, columns: int, epilogues: int, kept: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        if not layer.maximum:
            layer.weight[rng.random(layer.weight.shape) >= kept] = 0
    array = ArrayConfig(
        lanes=lanes, columns=columns, epilogues=epilogues, weight_bits=network.weight_bits, block_queue=seed % 2 == 0,
        strips=[None, False, True][seed % 3],
    )  # fmt: skip
    plan = schedule(network, array)
    assert predict(plan) == walked(plan), describe(network)


@pytest.mark.parametrize("weights", [1, 2, 17, 64, 65, 200])
def test_one_row_on_one_lane(weights: int) -> None:
    builder = Builder(np.random.default_rng(weights))
    builder.input((weights, 1, 1))
    network = builder.network(builder.conv(INPUT, 1, weight=np.ones((1, weights, 1, 1), dtype=np.int64)))
    plan = schedule(network, ArrayConfig(lanes=1))
    layout = Layout(plan.config)
    # The last weight passes the gate, and completes the row one cycle later than the next row's first would.
    granted = START_TO_PASS + weights + pass_to_issue(layout) + ISSUE_TO_GRANT
    compute = granted + grant_to_total(layout) + requantize_stages(layout) + WRITTEN_TO_END
    assert predict(plan).layers == {"l0": compute}


def test_words() -> None:
    mask = np.zeros((3, 20), dtype=np.bool_)
    mask[0, [0, 1, 9]] = mask[1, 19] = mask[2, [4, 5]] = True
    share = LaneShare(rows=np.arange(3), mask=mask, weight=mask.astype(np.int64))
    words = words_of(share, encoding(share, 16, two_level=False), 5)
    # Bits 0, 1, 9 in the first word, 39 in the third, 44 and 45 there too.
    assert words.words == [(1, 3, 1), (2, 3, 2)]
    assert words.rows == [(1, 3), (2, 3), (2, 2)]
    assert (words.tiles, words.behind) == (5, 0)
