"""Windows, copies, averages and maxima in integers, by hand; and the layers that have no integer form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sw.functions import TANH
from tests.sw.graphs import RELU, graph, layer
from tests.sw.quantize.single import BYTE, SIGNED, one, outputs

from zeroskip import reference
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import INPUT, Activation, Graph, Window
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize import quantize
from zeroskip.quantize.sharing import shared_formats

# --- windows, groups, places ------------------------------------------------------------------------------------------


def test_places_and_windows_are_kept():
    window = Window(kernel=(2, 1), stride=(2, 1), dilation=(1, 2), padding=(1, 0, -1, 2))
    first = layer(np.ones((2, 1, 2, 1)), name="a", groups=2, window=window, output="y")
    second = layer(np.ones((1, 2, 2, 1)), name="b", window=window, output="y", channel=2, residual=None)
    net = graph(first, second, shape=(2, 6, 5), user=(60,))
    network = quantize(net, np.arange(60.0)[None])
    assert network.shapes == net.tensors == {INPUT: (2, 6, 5), "y": (3, 3, 7)}
    assert (network.input_shape, network.output_shape, network.output_name) == ((60,), (3, 3, 7), "y")
    a, b = network.layers
    assert [(part.source, part.output, part.channel, part.groups) for part in (a, b)] == [
        (INPUT, "y", 0, 2),
        (INPUT, "y", 2, 1),
    ]
    assert a.window == b.window == window
    assert (a.zero_point, a.low, a.high) == (b.zero_point, b.low, b.high) == (0, 0, 255)
    assert b.weight.shape == (1, 2, 2, 1)
    assert (a.slope, a.table, a.residual, a.residual_multiplier, a.maximum) == (None, None, None, 0, False)


# --- copies, averages, maxima -----------------------------------------------------------------------------------------


def test_a_copy_passes_the_integers_on():
    network, copy = one([[1.0]], structural=True, x=np.array([[-3.0], [6.0]]), activation=RELU)
    assert network.output == network.input
    assert (copy.weight.tolist(), copy.weight_scale.tolist()) == ([[[[1]]]], [1.0])
    assert (copy.multiplier.tolist(), copy.shift.tolist()) == ([32768], [15])
    assert copy.bias.tolist() == [-network.input.zero_point]
    assert (copy.low, copy.high, copy.zero_point) == (network.input.zero_point, 127, network.input.zero_point)
    x = np.arange(-128, 128)[:, None]
    assert (reference.run(network, x) == np.maximum(x, network.input.zero_point)).all()


def test_a_copy_into_a_tensor_that_others_write_takes_that_ones_format():
    copy = layer([[1.0]], name="copy", structural=True, output="y")
    other = layer([[2.0]], name="other", output="y", channel=1)
    network = quantize(graph(copy, other), BYTE)
    assert network.input.scale == 1.0
    assert network.output.scale == 2.0
    assert (network.layers[0].multiplier.tolist(), network.layers[0].shift.tolist()) == ([32768], [16])


@pytest.mark.parametrize(
    "fields",
    [
        {"bias": [1.0]}, {"weight": [[-1.0]]}, {"weight": [[0.5]]}, {"weight": [[1.0, 1.0]]}, {"structural": False}, {"residual": INPUT},
        {"activation": Activation(slope=np.array([1.5]))}, {"activation": Activation(table=TANH)},
    ],
)  # fmt: skip
def test_what_changes_its_values_is_no_copy(fields):
    copy = {"weight": [[1.0]], "structural": True}
    assert shared_formats(graph(layer(**copy)))["fc"] == {INPUT, "fc"}
    assert shared_formats(graph(layer(**copy | fields)))["fc"] == {"fc"}


def test_a_leaky_copy_rounds_only_below_zero():
    network, _ = one(
        [[1.0]], structural=True, x=np.array([[-100.0], [155.0]]), activation=Activation(slope=np.array([0.1]))
    )
    assert network.output == network.input
    x = np.arange(-128, 128)[:, None]
    found, real = reference.run(network, x), x - network.input.zero_point
    assert (found[real >= 0] == x[real >= 0]).all()
    assert np.abs(found - network.input.zero_point - np.where(real < 0, 0.1 * real, real)).max() <= 0.5 + 1e-9


def test_a_moving_average_has_its_sources_format_and_a_global_one_its_own():
    x = np.array([[[[0.0, 255, 0, 255]]]])
    pool = layer(np.full((1, 1, 1, 2), 1 / 2), structural=True)
    moving = quantize(graph(pool, shape=(1, 1, 4)), x)
    assert moving.output == moving.input
    whole = quantize(graph(layer(np.full((1, 1, 1, 4), 1 / 4), structural=True), shape=(1, 1, 4)), x)
    assert (whole.input.scale, whole.output.scale) == (1.0, 0.5)


def test_a_copy_between_two_fixed_formats_requantizes():
    coarse = replace(SIGNED, scale=1.0, zero_point=7)
    net = graph(layer([[1.0]], structural=True), formats={INPUT: SIGNED, "fc": coarse})
    network = quantize(net, BYTE)
    assert (network.input, network.output) == (SIGNED, coarse)
    assert (network.layers[0].multiplier.tolist(), network.layers[0].shift.tolist()) == ([32768], [16])
    assert network.layers[0].bias.tolist() == [3]
    assert quantize(graph(layer([[1.0]], structural=True), formats={INPUT: SIGNED}), BYTE).output == SIGNED
    assert quantize(graph(layer([[1.0]], structural=True), formats={"fc": SIGNED}), BYTE).input == SIGNED


def test_an_average_counts_its_taps_and_keeps_the_divisor_in_the_scale():
    average = layer(np.full((2, 1, 1, 3), 1 / 3), groups=2, structural=True)
    network = quantize(graph(average, shape=(2, 1, 3)), np.array([[[[0.0, 0, 3]], [[255, 255, 255]]]]))
    (got,) = network.layers
    assert got.weight.tolist() == [[[[1, 1, 1]]]] * 2
    assert got.weight_scale.tolist() == [1 / 3, 1 / 3]
    assert outputs(network, [[[[0.0, 0, 3]], [[255, 255, 255]]]]).reshape(-1).tolist() == [1, 255]


def test_structural_weights_may_be_negative_but_not_differ():
    _, got = one([[-0.25]], structural=True)
    assert (got.weight.tolist(), got.weight_scale.tolist()) == ([[[[-1]]]], [0.25])
    with pytest.raises(InputError, match=r"^layer 'fc': structural weights must be equal within a row$"):
        one([[0.5, 0.25]], structural=True, x=np.ones((1, 2)))


def test_a_maximum_has_its_sources_format_and_an_exact_requantization():
    pool = layer(np.ones((1, 1, 1, 2)), name="pool", maximum=True, activation=Activation(low=0.0, high=1.0))
    network = quantize(graph(pool, shape=(1, 1, 2)), np.array([[[[-1.0, 1.55]]]]))
    (got,) = network.layers
    assert network.output == network.input == QuantizedTensor(scale=0.01, zero_point=-28, signed=True)
    assert (got.multiplier.tolist(), got.shift.tolist(), got.bias.tolist()) == ([32768], [15], [0])
    assert (got.zero_point, got.low, got.high) == (0, -28, 72)
    assert (got.weight == 1).all()


def test_maxima_tie_the_formats_of_all_they_connect():
    """Two pools into one tensor, beside a sum: all four tensors have the format that covers them."""

    def pool(name: str, source: str, channel: int):
        return layer([[1.0]], name=name, source=source, maximum=True, output="y", channel=channel)

    layers = [
        layer([[0.1]], name="a"), layer([[-0.5]], name="b"), pool("p", "a", 0), pool("q", "b", 1),
        layer([[2.0]], name="c", output="y", channel=2),
    ]  # fmt: skip
    network = quantize(graph(*layers), BYTE)
    assert network.formats["a"] == network.formats["b"] == network.output != network.input
    assert network.output.scale == pytest.approx(2.5)


# --- what has no integer form -----------------------------------------------------------------------------------------


def residual_of(**fields: object) -> Graph:
    return graph(layer([[1.0]], name="a"), layer([[1.0]], name="b", residual="a", **fields))


@pytest.mark.parametrize(
    "net, match",
    [
        (
            residual_of(activation=Activation(slope=np.array([0.1]))),
            r"layer 'b': a slope cannot follow the residual 'a'",
        ),
        (
            graph(layer([[1.0]], activation=Activation(slope=np.array([-0.1])))),
            r"layer 'fc': slope must be 0 or above, not -0.1",
        ),
        (
            graph(layer([[1.0]], activation=Activation(slope=np.array([np.nan])))),
            r"layer 'fc': slope must be 0 or above, not nan",
        ),
        (residual_of(maximum=True), r"layer 'b': a maximum must have no residual"),
        (
            graph(layer([[1.0]], maximum=True, activation=Activation(slope=np.ones(1)))),
            r"layer 'fc': a maximum must have no slope",
        ),
        (
            graph(layer([[1.0]], maximum=True, activation=Activation(table=TANH))),
            r"layer 'fc': a maximum must have no table",
        ),
        (graph(layer([[1.0, 1.0]], maximum=True)), r"layer 'fc': a maximum must be of one channel, not of 2"),
        (graph(layer([[1.0]], [0.5], maximum=True)), r"layer 'fc': a maximum must have no bias, not 0.5"),
        (
            graph(layer([[1.0]], maximum=True), formats={INPUT: SIGNED, "fc": replace(SIGNED, scale=1.0)}),
            r"layer 'fc': a maximum's output must have its input's format, signed, scale 0.5, zero-point -3, not signed, scale 1, zero-point -3",
        ),
        (
            graph(layer([[1.0]]), formats={"fc": replace(SIGNED, bits=4)}),
            r"tensor 'fc': a fixed format must have 8 bits, not 4",
        ),
    ],
)
def test_what_has_no_integer_form_is_refused(net, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        quantize(net, BYTE)
