"""Copies where one stored tensor cannot serve two purposes, and only there; the numbers stay the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from tests.sim.any_image_network import describe, image_inputs, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SIGNED, case

from zeroskip import reference
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.schedule import prepared
from zeroskip.schedule.strips.readers import in_one_column, wanted_in_strips

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def built(format: QuantizedTensor = SIGNED) -> Builder:
    builder = Builder(np.random.default_rng(0))
    builder.input((4, 6, 6), format)
    return builder


def flow(network: QuantizedNetwork) -> list[tuple[str, str | None, str]]:
    """(source, residual, output) of each layer."""
    return [(layer.source, layer.residual, layer.output) for layer in network.layers]


@settings(max_examples=100)
@given(image_networks())
def test_the_numbers_stay_and_every_tensor_serves_one_purpose(network: QuantizedNetwork) -> None:
    changed = prepared(network)
    x = image_inputs(np.random.default_rng(1), network, 2)
    np.testing.assert_array_equal(reference.run(changed, x), reference.run(network, x), err_msg=describe(network))
    assert len({layer.name for layer in changed.layers}) == len(changed.layers)
    assert set(changed.shapes) == set(changed.formats)
    assert not any(layer.residual == INPUT for layer in changed.layers)
    assert not any(changed.output_name in (layer.source, layer.residual) for layer in changed.layers)
    whole = any(layer.source == INPUT and in_one_column(changed, layer) for layer in changed.layers)
    assert not (whole and wanted_in_strips(changed, INPUT) and changed.shapes[INPUT][1] > 1)
    assert prepared(changed) is changed


def test_a_network_without_conflicts_stays() -> None:
    network = case("two_readers_with_different_windows")
    assert prepared(network) is network


def test_an_input_that_is_added_is_copied_once_before_its_first_use() -> None:
    b = built()
    x = b.conv(INPUT, 4, SAME_3)
    y = b.conv(x, 4, SAME_3, residual=INPUT)
    z = b.conv(y, 4, SAME_3, residual=INPUT)
    assert flow(prepared(b.network(z))) == [
        (INPUT, None, x), (INPUT, None, "input.copy"), (x, "input.copy", y), (y, "input.copy", z),
    ]  # fmt: skip


def test_an_output_that_is_read_is_copied_at_the_end() -> None:
    b = built()
    x = b.conv(INPUT, 4, SAME_3)
    both = b.tensor((8, 6, 6))
    b.conv(x, 4, output=both)
    b.conv(x, 4, output=both, channel=4)
    layers = list(b.layers)
    network = b.network(both, layers=layers)
    again = b.conv(both, 8, SAME_3)
    read = b.network(both, layers=b.layers)
    assert prepared(network) is network
    changed = prepared(read)
    assert changed.output_name == f"{both}.copy"
    assert flow(changed)[-2:] == [(both, None, again), (both, None, f"{both}.copy")]
    assert changed.shapes[changed.output_name] == read.shapes[both]


def test_an_input_that_is_read_in_strips_and_whole_is_copied_for_who_reads_the_whole() -> None:
    """The loader writes every element once, and has two places for it otherwise."""
    b = built()
    both = b.tensor((7, 1, 1))
    narrow = b.conv(INPUT, 4, SAME_3)
    b.conv(narrow, 3, Window(kernel=(6, 6)), output=both)
    b.conv(INPUT, 4, Window(kernel=(6, 6)), output=both, channel=3)
    changed = prepared(b.network(both))
    assert flow(changed) == [
        (INPUT, None, narrow), (narrow, None, both), (INPUT, None, "input.copy"), ("input.copy", None, both),
    ]  # fmt: skip


def test_an_input_that_is_only_read_whole_stays() -> None:
    b = built()
    network = b.network(b.conv(INPUT, 4, Window(kernel=(6, 6))))
    assert prepared(network) is network


def test_an_input_of_one_row_stays() -> None:
    """It is the same in strips and whole."""
    b = Builder(np.random.default_rng(0))
    b.input((4, 1, 6))
    both = b.tensor((7, 1, 6))
    b.conv(INPUT, 3, output=both)
    b.conv(INPUT, 4, output=both, channel=3)
    network = b.network(both)
    assert prepared(network) is network


def test_sums_that_are_a_part_of_what_is_added_are_copied_for_who_adds_it() -> None:
    network = case("concat_of_sums_that_is_added")
    (both,) = (layer.residual for layer in network.layers[-1:])
    changed = prepared(network)
    assert [layer.residual for layer in changed.layers] == [None, None, "t1", None, f"{both}.copy"]
    assert changed.layers[3].source == both
    alone = case("concat_with_a_residual")
    assert prepared(alone) is alone


def test_a_copy_takes_a_name_that_is_free() -> None:
    b = built()
    x = b.conv(INPUT, 4, SAME_3, residual=INPUT)
    network = b.network(x)
    taken = QuantizedNetwork(
        **vars(network) | {
            "shapes": {**network.shapes, "input.copy": (4, 6, 6)}, "formats": {**network.formats, "input.copy": SIGNED},
        }
    )  # fmt: skip
    assert prepared(taken).layers[0].output == "input.copy_"
