"""What a quantized model fixes is used as it is, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sw.graphs import RELU, graph, layer
from tests.sw.quantize.single import BYTE, SIGNED, one, outputs

from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize import quantize, quantize_input


def test_fixed_formats_and_scales_are_used_as_they_are():
    given = QuantizedTensor(scale=0.5, zero_point=128, signed=False)
    wanted = QuantizedTensor(scale=0.25, zero_point=100, signed=False)
    weight = np.array([[-128, 127, 3]]) * np.float32(0.1)
    fixed = layer(
        weight,
        [0.5 * np.float32(0.1) * 77],
        weight_scale=np.array([np.float32(0.1)], dtype=np.float64),
        activation=RELU,
    )
    network = quantize(graph(fixed, formats={INPUT: given, "fc": wanted}), np.zeros((1, 3)))
    (got,) = network.layers
    assert (network.input, network.output) == (given, wanted)
    assert got.weight.reshape(-1).tolist() == [-128, 127, 3]
    assert got.bias.tolist() == [77 - 128 * (-128 + 127 + 3)]
    assert (got.zero_point, got.low, got.high) == (100, 100, 255)
    factor = got.multiplier[0] / 2.0 ** got.shift[0]
    assert factor == pytest.approx(0.5 * 0.1 / 0.25, rel=2**-16)
    assert quantize_input(network, np.array([[-64.0, 0.0, 1.0]])).tolist() == [[0, 128, 130]]


def test_a_row_without_weights_needs_no_scale():
    network = quantize(graph(layer([[0.0], [0.1]], [0.5, 0.0], weight_scale=np.array([0.0, 0.1]))), BYTE)
    np.testing.assert_allclose(outputs(network, BYTE)[:, 0], 0.5, atol=network.output.scale / 2)


@pytest.mark.parametrize(
    "scale, match",
    [
        (0.3, r"weight / weight_scale must be an integer, -128 … 127 with 8 weight_bits, not 3.33333"),
        (1 / 256, r"weight / weight_scale must be an integer, -128 … 127 with 8 weight_bits, not 256"),
        (0.0, r"weight_scale must be finite and above zero, not 0"),
        (-1.0, r"weight_scale must be finite and above zero, not -1"),
        (np.nan, r"weight_scale must be finite and above zero, not nan"),
    ],
)
def test_a_scale_that_does_not_fit_the_weights_is_refused(scale, match):
    with pytest.raises(InputError, match=rf"^layer 'fc': {match}$"):
        one([[1.0]], weight_scale=np.array([scale]))


def test_a_bias_beyond_the_accumulator_is_refused_where_the_scale_is_fixed():
    with pytest.raises(
        CapacityError, match=r"^layer 'fc': the accumulator would need \d+ bits, more than the limit of 40;.*$"
    ):
        one([[1e-20]], [1.0], weight_scale=np.array([1e-20]))


@pytest.mark.parametrize("output, least", [(0.02, 0.0625019), (0.124, 0.125004)])
def test_fixed_formats_out_of_a_residuals_reach_are_refused(output, least):
    fine = QuantizedTensor(scale=output, zero_point=0, signed=False)
    net = graph(
        layer([[1.0]], name="a"),
        layer([[1.0]], name="sum", structural=least > 0.1, residual="a"),
        formats={"sum": fine},
    )
    with pytest.raises(
        CapacityError, match=rf"^layer 'sum': the sum with 'a' must have a scale of at least {least}, not {output}$"
    ):
        quantize(net, BYTE)


def test_a_sum_tied_to_its_source_by_a_maximum_may_have_no_scale():
    layers = [
        layer([[1.0]], name="pool", maximum=True, output="y"),
        layer([[5000.0]], name="sum", residual=INPUT, output="y", channel=1),
    ]
    with pytest.raises(CapacityError, match=r"^layer 'sum': the sum with 'input' must have a scale of at least .*$"):
        quantize(graph(*layers), BYTE)


def test_a_fixed_format_reaches_through_maxima_and_copies():
    other = replace(SIGNED, scale=9.0)
    layers = [
        layer([[1.0]], name="z", maximum=True),
        layer([[1.0]], name="copy", source="z", structural=True),
        layer([[2.0]], name="a", source="copy"),
        layer([[2.0]], name="zz", source="a"),
    ]
    network = quantize(graph(*layers, formats={INPUT: SIGNED, "a": other, "zz": other}), BYTE)
    assert [network.formats[name] for name in (INPUT, "z", "copy", "a", "zz")] == [SIGNED] * 3 + [other] * 2
