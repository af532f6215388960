"""Images of arrays with strips: the weights come back, and every list is found where its layer's word says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_networks
from tests.sim.image_cases import CASES, case

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import BAND_POSITIONS, Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.pack import pack, unpack
from zeroskip.schedule import Band, Schedule, prepared, schedule

arrays = st.builds(
    ArrayConfig, lanes=st.integers(1, 64), columns=st.integers(1, 16), word=st.sampled_from([8, 16, 32, 64]),
    stream_bits=st.sampled_from([8, 16, 32, 64]), strips=st.just(True),
)  # fmt: skip


def planned(network: QuantizedNetwork, array: ArrayConfig) -> tuple[Schedule, Program]:
    open_config = ArrayConfig(**array.to_json() | {"weight_bits": network.weight_bits})
    plan = schedule(network, open_config)
    return plan, pack(plan)


def require_weights(network: QuantizedNetwork, plan: Schedule, program: Program) -> None:
    unpacked = unpack(program)
    layers = prepared(network).layers
    assert list(unpacked) == [layer.name for layer in layers]
    for layer, placed in zip(layers, plan.layers, strict=True):
        weight, mask = unpacked[layer.name]
        expected = layer.weight.reshape(layer.outputs, -1)
        np.testing.assert_array_equal(weight, expected, err_msg=describe(network))
        # A row without weights keeps one explicit zero.
        rows = np.count_nonzero(expected, axis=1)
        np.testing.assert_array_equal(mask[rows > 0], expected[rows > 0] != 0)
        assert (mask[rows == 0].sum(axis=1) == 1).all()
        assert placed.nnz == mask.sum()


@settings(max_examples=80)
@given(image_networks(), arrays)
def test_unpacked_images_are_the_weights(network: QuantizedNetwork, array: ArrayConfig) -> None:
    require_weights(network, *planned(network, array))


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("name", CASES)
def test_the_weights_of_named_cases_come_back(name: str, weight_bits: int) -> None:
    network = case(name, weight_bits=weight_bits)
    require_weights(network, *planned(network, ArrayConfig(lanes=3, columns=4, word=16, strips=True)))


def listed(program: Program, bands: str, passes: str, first: int) -> list[dict[str, list[dict[str, int]]]]:
    """Per band from number ``first`` on to the layer's last: the decoded passes of each place."""
    layout = Layout(program.config)
    band_word, pass_word = {
        "bands": (layout.band, layout.passes),
        "input_bands": (layout.input_band, layout.input_passes),
    }[bands]
    result = []
    for word in program.images[bands][first:]:
        band = band_word.decode(word)
        spans = {place: (band[f"{place}_begin"], band[f"{place}_more"] + 1) for place in BAND_POSITIONS}
        result.append({
            place: [pass_word.decode(entry) for entry in program.images[passes][begin : begin + count]]
            for place, (begin, count) in spans.items()
        })  # fmt: skip
        if band["last"]:
            return result
    raise AssertionError("no band is marked as the last")


def require_lists(found: list[dict[str, list[dict[str, int]]]], bands: tuple[Band, ...], addresses: int) -> None:
    assert len(found) == len(bands)
    for decoded, band in zip(found, bands, strict=True):
        for place in BAND_POSITIONS:
            wanted = getattr(band, place)
            assert wanted or place != "first"
            for entry, written in zip(decoded[place][: len(wanted)], wanted, strict=True):
                values = {"base": written.base % addresses, "mask": written.mask, "constant": written.constant}
                values |= {"turn": written.turn} if "turn" in entry else {"value": written.value}
                assert entry == values


@settings(max_examples=80)
@given(image_networks(), arrays)
def test_lists_lie_where_the_words_say(network: QuantizedNetwork, array: ArrayConfig) -> None:
    plan, program = planned(network, array)
    layout = Layout(plan.config)
    addresses = 1 << layout.store_bits
    words = [layout.program.decode(word) for word in program.images["program"]]
    for placed, word in zip(plan.layers, words, strict=True):
        require_lists(listed(program, "bands", "passes", word["band"]), placed.bands, addresses)
        assert word["width"] == placed.bands[0].width - 1
        assert word["lanes"] == sum(1 << lane for lane, run in enumerate(placed.runs) if run.end > run.begin)
    assert [word["last"] for word in words] == [0] * (len(words) - 1) + [1]
    require_lists(listed(program, "input_bands", "input_passes", 0), plan.input_bands, addresses)
    begins = [placed.first_group for placed in plan.layers]
    for (begin, end), placed in zip(pairwise([*begins, None]), plan.layers, strict=True):
        assert program.images["offsets"][begin:end] == tuple(offset % addresses for offset in placed.offsets)


def test_rows_without_slopes_or_residual_can_be_written_beside_such() -> None:
    """Without a slope of its own a row scales negative values like the others."""
    network = case("prelu_on_a_residual")
    plan, program = planned(network, ArrayConfig(lanes=2, columns=2))
    layout = Layout(plan.config)
    rows = [layout.row.decode(word) for word in program.images["rows"]]
    copy, sums = plan.layers
    assert copy.slope is None
    assert [row["slope"] for row in rows[: len(copy.rows)]] == copy.multiplier.tolist()
    assert [row["residual_place"] for row in rows[: len(copy.rows)]] == [0] * len(copy.rows)
    assert sums.slope is not None
    assert sums.residual_places is not None
    assert [row["slope"] for row in rows[len(copy.rows) :]] == sums.slope.tolist()
    assert [row["residual_place"] for row in rows[len(copy.rows) :]] == sums.residual_places.tolist()


def test_tables_are_stored_as_bytes() -> None:
    network = case("table_then_convolution")
    _, program = planned(network, ArrayConfig(lanes=2, columns=2))
    (table,) = (layer.table for layer in network.layers if layer.table is not None)
    assert program.images["tables"] == tuple((table & 0xFF).tolist())
