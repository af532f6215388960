"""Copies where one stored tensor cannot serve two purposes, and only there; the numbers stay the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from tests.sim.any_image_network import describe, image_inputs, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SIGNED, UNSIGNED, case

from zeroskip import reference
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.schedule import prepared
from zeroskip.schedule.strips.geometry import pads

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
    for tensor, format in changed.formats.items():
        padding = {layer.maximum for layer in changed.layers if layer.source == tensor and pads(changed, layer)}
        assert len(padding) < 2 or format.low == format.zero_point
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


def padded_sums_and_maxima(format: QuantizedTensor, window: Window) -> QuantizedNetwork:
    b = built(format)
    both = b.tensor((8, 6, 6))
    b.conv(INPUT, 4, SAME_3, output=both)
    b.maximum(INPUT, window, output=both, channel=4)
    return b.network(both)


def test_maxima_read_a_copy_with_padding_of_its_own() -> None:
    changed = prepared(padded_sums_and_maxima(SIGNED, SAME_3))
    assert flow(changed) == [(INPUT, None, "t1"), (INPUT, None, "input.copy"), ("input.copy", None, "t1")]
    assert [layer.maximum for layer in changed.layers] == [False, False, True]


def test_padding_that_is_the_lowest_value_serves_both() -> None:
    network = padded_sums_and_maxima(UNSIGNED, SAME_3)
    assert prepared(network) is network


def test_maxima_that_see_no_padding_need_no_copy() -> None:
    network = padded_sums_and_maxima(SIGNED, Window())
    assert prepared(network) is network


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
