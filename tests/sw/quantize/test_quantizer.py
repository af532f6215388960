"""Quantization: formats, degenerate layers, refusals, and the distance from float."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sw.graphs import chain, graph, layer

from zeroskip import reference
from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import Activation, Graph
from zeroskip.contracts.network import QuantizedNetwork, accumulator_bits, accumulator_bound
from zeroskip.quantize import dequantize, quantize, quantize_input
from zeroskip.quantize.formats import tensor_format


def random_graph(seed: int, widths: list[int], *, density: float = 1.0) -> Graph:
    rng = np.random.default_rng(seed)
    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        weight = rng.normal(size=(outputs, inputs)) / np.sqrt(inputs * density)
        weight *= rng.random(weight.shape) < density
        bias = rng.normal(size=outputs) * 0.1
        layers.append(layer(weight, bias, name=f"fc{index}"))
    return chain(layers)


def widest(network: QuantizedNetwork) -> int:
    return max(
        accumulator_bits(quantized.weight, quantized.bias, network.formats[quantized.source])
        for quantized in network.layers
    )


def sqnr(wanted: np.ndarray, got: np.ndarray) -> float:
    return float(10 * np.log10(np.square(wanted).mean() / np.square(wanted - got).mean()))


def through(net: Graph, x: np.ndarray, **options: int) -> np.ndarray:
    network = quantize(net, x, **options)
    return dequantize(network, reference.run(network, quantize_input(network, x)))


@pytest.mark.parametrize("density", [1.0, 0.2])
@pytest.mark.parametrize("weight_bits, least", [(4, 10), (8, 30), (16, 35)])
@pytest.mark.parametrize("offset", [0, 3, -10])
def test_the_integer_network_stays_close_to_float(weight_bits, least, density, offset):
    net = random_graph(1, [64, 48, 32, 10], density=density)
    x = np.random.default_rng(2).normal(size=(500, 64)) + offset
    assert sqnr(reference.run_float(net, x), through(net, x, weight_bits=weight_bits)) > least


def test_weights_are_symmetric_per_channel_and_pruned_ones_zero():
    net = random_graph(3, [20, 7, 5], density=0.5)
    network = quantize(net, np.random.default_rng(0).normal(size=(10, 20)))
    for quantized, floats in zip(network.layers, net.layers, strict=True):
        assert (np.abs(quantized.weight).max(axis=1) == 127).all()
        assert (quantized.weight[~floats.mask] == 0).all()
        scale = quantized.weight_scale[:, None, None, None]
        np.testing.assert_allclose(quantized.weight * scale, floats.weight, atol=scale.max() / 2)


def test_a_mask_is_obeyed_even_where_the_weight_is_not_zero():
    net = graph(layer([[1.0, 2.0]], mask=np.array([True, False]).reshape(1, 2, 1, 1)))
    assert quantize(net, np.ones((1, 2))).layers[0].weight.tolist() == [[[[127]], [[0]]]]


def test_an_input_zero_point_is_folded_over_the_kept_weights():
    net = random_graph(4, [6, 3], density=0.5)
    network = quantize(net, np.random.default_rng(0).normal(size=(50, 6)) + 1)
    (quantized,) = network.layers
    assert network.input.zero_point != 0
    plain = np.rint(net.layers[0].bias / (quantized.weight_scale * network.input.scale))
    assert (network.input.zero_point * quantized.weight.sum(axis=(1, 2, 3)) + quantized.bias == plain).all()


def test_relu_becomes_an_unsigned_output_clamped_at_its_zero_point():
    network = quantize(random_graph(5, [4, 4, 2]), np.random.default_rng(0).normal(size=(20, 4)))
    hidden, last = network.layers
    output = network.formats[hidden.output]
    assert (output.signed, output.zero_point, hidden.zero_point, hidden.low, hidden.high) == (False, 0, 0, 0, 255)
    assert last.source == hidden.output
    assert (last.low, last.high, last.zero_point) == (-128, 127, network.output.zero_point)


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0.0, 255.0, (1.0, 0, False)),
        (3.0, 255.0, (1.0, 0, False)),
        (-128.0, 127.0, (1.0, 0, True)),
        (-255.0, -3.0, (1.0, 127, True)),
        (-1e-9, 255.0, (1.0, -128, True)),
        (0.0, 0.0, (1.0, 0, False)),
        (0.0, 1e-40, (1.0, 0, False)),
        (0.0, 3e38, (3e38 / 255, 0, False)),
    ],
)
def test_tensor_formats(low, high, expected):
    tensor = tensor_format(low, high, 8)
    assert tensor.scale == pytest.approx(expected[0], rel=1e-9)
    assert (tensor.zero_point, tensor.signed) == expected[1:]


@given(st.floats(-1e30, 1e30), st.floats(-1e30, 1e30))
def test_a_format_covers_what_was_seen_and_represents_zero(a, b):
    low, high = min(a, b), max(a, b)
    tensor = tensor_format(low, high, 8)
    assert tensor.scale > 0
    assert tensor.low <= tensor.zero_point <= tensor.high
    slack = tensor.scale * (0.5 + 1e-6)
    assert tensor.scale * (tensor.low - tensor.zero_point) <= min(low, 0) + slack
    assert tensor.scale * (tensor.high - tensor.zero_point) >= max(high, 0) - slack


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
def test_a_row_without_weights_gives_its_rounded_bias(weight_bits):
    weight = [[1.0, -1.0], [0.0, 0.0], [0.0, 0.0], [1e-200, 0.0]]
    x = np.random.default_rng(0).normal(size=(40, 2))
    network = quantize(graph(layer(weight, [0, 0.7, -0.3, 0.1])), x, weight_bits=weight_bits)
    y = dequantize(network, reference.run(network, quantize_input(network, x)))
    np.testing.assert_allclose(y[:, 1:], np.tile([0.7, -0.3, 0.1], (40, 1)), atol=network.output.scale / 2)


def test_a_bias_far_above_its_weights_keeps_the_accumulator_narrow():
    net = graph(layer([[1e-9, 2e-9], [1e-15, -1e-15], [1.0, 1.0]], [0.5, -0.5, 0.0]))
    x = np.random.default_rng(0).normal(size=(40, 2))
    network = quantize(net, x)
    assert (np.abs(network.layers[0].bias) <= 2**31).all()
    y = dequantize(network, reference.run(network, quantize_input(network, x)))
    np.testing.assert_allclose(y[:, :2], np.tile([0.5, -0.5], (40, 1)), atol=network.output.scale)


def test_a_dead_layer_and_one_with_a_hugely_negative_bias_stay_dead():
    net = chain([layer([[1.0, 1.0], [1.0, 1.0]], [-1e30, -1e6], name="dead"), layer([[1.0, 1.0]], [0.25])])
    x = np.random.default_rng(0).normal(size=(5, 2))
    network = quantize(net, x)
    assert network.formats["dead"].scale == 1.0
    assert (reference.run_layers(network, quantize_input(network, x))["dead"] == 0).all()
    assert through(net, x) == pytest.approx(0.25)


@pytest.mark.parametrize("factor", [1e-34, 1e-20, 1e20, 1e36])
def test_the_size_of_the_units_does_not_matter(factor):
    x = np.random.default_rng(0).normal(size=(30, 4))
    net = random_graph(6, [4, 5, 2])
    scaled = chain([replace(given, bias=given.bias * factor) for given in net.layers])
    wanted, got = quantize(net, x), quantize(scaled, x * factor)
    np.testing.assert_array_equal(
        reference.run(got, quantize_input(got, x * factor)), reference.run(wanted, quantize_input(wanted, x))
    )


magnitudes = st.sampled_from([0.0, 1e-44, 1e-30, 1e-9, 1e-3, 1.0, 1e3, 1e9])


@settings(max_examples=60)
@given(st.integers(0, 2**16), st.sampled_from([4, 8, 16]), st.lists(magnitudes, min_size=6, max_size=6))
def test_nothing_the_quantizer_gives_can_overflow(seed, weight_bits, sizes):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(3, 4)) * sizes[0], rng.normal(size=(2, 3)) * sizes[1]]
    weights[0][0] *= sizes[2]
    biases = [rng.normal(size=3) * sizes[3], rng.normal(size=2) * sizes[4]]
    net = chain([layer(*given, name=name) for name, *given in zip("ab", weights, biases, strict=True)])
    network = quantize(net, rng.normal(size=(5, 4)) * sizes[5], weight_bits=weight_bits)
    limit = 2 ** (weight_bits - 1) - 1
    for quantized in network.layers:
        assert np.abs(quantized.weight).max() <= limit
        assert ((quantized.multiplier >= 0) & (quantized.multiplier < 2**16)).all()
        assert ((quantized.shift >= 1) & (quantized.shift <= 63)).all()
        assert (quantized.weight_scale > 0).all()
        assert np.isfinite(quantized.weight_scale).all()
        output = network.formats[quantized.output]
        assert output.scale > 0
        assert output.low <= quantized.low <= quantized.high <= output.high
    assert widest(network) <= 40


def test_the_accumulator_bound_is_reached_and_counted_in_bits():
    net = graph(layer([[1.0, 1.0, 1.0]]))
    network = quantize(net, np.ones((1, 3)))
    (quantized,) = network.layers
    assert accumulator_bound(quantized.weight, quantized.bias, network.input).tolist() == [3 * 127 * 255]
    assert widest(network) == (3 * 127 * 255).bit_length() + 1
    signed = quantize(net, np.array([[-1.0, 1.0, 0.5]]))
    (quantized,) = signed.layers
    largest = 3 * 127 * 128 + abs(int(quantized.bias[0]))
    assert accumulator_bound(quantized.weight, quantized.bias, signed.input).tolist() == [largest]


def test_an_accumulator_beyond_40_bits_is_refused():
    wide = 2**17
    net = graph(layer(np.ones((1, wide)), name="wide"))
    x = np.ones((1, wide))
    assert widest(quantize(net, x, weight_bits=8)) <= 40
    match = r"^layer 'wide': the accumulator would need 41 bits, more than the limit of 40; use fewer weight_bits .*$"
    with pytest.raises(CapacityError, match=match):
        quantize(net, x, weight_bits=16)


@pytest.mark.parametrize(
    "calibration, match",
    [
        (np.zeros((0, 2)), r"calibration: must hold at least one sample, not 0"),
        (np.zeros((3, 3)), r"calibration: shape must be \(N, 2\), not \(3, 3\)"),
        (np.zeros(2), r"calibration: shape must be \(N, 2\), not \(2,\)"),
        (np.array([[0, 1], [0, np.nan]]), r"calibration: must be finite, but sample 1 holds NaN or infinity"),
        (np.array([[-np.inf, 1]]), r"calibration: must be finite, but sample 0 holds NaN or infinity"),
        (np.array([[1e39, 1]]), r"calibration: must stay within ±3.403e\+38, the range of float32"),
        (np.array([["a", "b"]]), r"calibration: dtype must be float, not <U1"),
        (np.array([[1j, 1]]), r"calibration: dtype must be float, not complex128"),
    ],
)
def test_unusable_calibration_is_refused(calibration, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        quantize(graph(layer([[1.0, 2.0]])), calibration)


@pytest.mark.parametrize(
    "options, match",
    [
        ({"weight_bits": 5}, r"weight_bits must be 4, 8 or 16, not 5"),
        ({"weight_bits": 8.0}, r"weight_bits must be 4, 8 or 16, not 8.0"),
        ({"act_bits": 4}, r"act_bits must be 8, not 4"),
    ],
)
def test_unknown_widths_are_refused(options, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        quantize(graph(layer([[1.0, 2.0]])), np.ones((1, 2)), **options)


@pytest.mark.parametrize(
    "weight, fields, match",
    [
        ([[3e38, 3e38]], {}, r"outputs on the calibration data: must stay within ±3.403e\+38, the range of float32"),
        ([[1e300, 0]], {}, r"weight: must stay within ±3.403e\+38, the range of float32"),
        ([[1, 0]], {"bias": [1e39]}, r"bias: must stay within ±3.403e\+38, the range of float32"),
        ([[1, 0]], {"activation": Activation(slope=np.array([1e39]))}, r"slope: must stay within .*"),
    ],
)
def test_magnitudes_beyond_float32_are_refused_by_layer(weight, fields, match):
    with pytest.raises(InputError, match=rf"^layer 'fc': {match}$"):
        quantize(graph(layer(weight, **fields)), np.ones((1, 2)))


def network_on(low: float, high: float):
    return quantize(graph(layer([[1.0, 1.0]])), np.array([[low, high]]))


def test_inputs_round_half_to_even_and_saturate():
    network = network_on(0, 255)
    x = np.array([[0.5, 1.5], [2.5, 254.6], [-7, 1e300], [-np.inf, np.inf]])
    assert quantize_input(network, x).tolist() == [[0, 2], [2, 255], [0, 255], [0, 255]]
    assert quantize_input(network, x).dtype == np.int64
    signed = network_on(-128, 127)
    assert quantize_input(signed, [[-1000, 1000], [0, -0.5]]).tolist() == [[-128, 127], [0, 0]]
    assert quantize_input(signed, np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    "x, match",
    [
        (np.array([[0, np.nan]]), r"input: must hold no NaN"),
        (np.zeros((2, 3)), r"input: shape must be \(N, 2\), not \(2, 3\)"),
        (np.zeros(2), r"input: shape must be \(N, 2\), not \(2,\)"),
        (np.zeros((1, 2), dtype=bool), r"input: dtype must be float, not bool"),
    ],
)
def test_wrong_inputs_are_refused(x, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        quantize_input(network_on(0, 255), x)


def test_dequantize_inverts_the_output_format_and_refuses_other_arrays():
    network = network_on(-1, 1)
    y = np.arange(-128, 128)[:, None]
    np.testing.assert_allclose(
        dequantize(network, y)[:, 0], (y[:, 0] - network.output.zero_point) * network.output.scale
    )
    with pytest.raises(InputError, match=r"^output: dtype must be integer, not float64$"):
        dequantize(network, y * 1.0)
    with pytest.raises(InputError, match=r"^output: shape must be \(N, 1\), not \(256,\)$"):
        dequantize(network, y[:, 0])
