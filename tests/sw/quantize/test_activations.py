"""What ends a layer in integers, by hand: slopes, clips and tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.sw.functions import FUNCTIONS, SIGMOID, TANH
from tests.sw.graphs import graph, layer
from tests.sw.quantize.single import BYTE, SIGNED, one, outputs

from zeroskip import reference
from zeroskip.contracts.graph import INPUT, Activation
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize import quantize, quantize_input


def test_a_slope_is_a_second_multiplier():
    slope = np.array([0.25, 0.0, 4.0])
    _, got = one([[1.0]] * 3, activation=Activation(slope=slope), x=np.array([[-1.0], [1.0]]))
    assert abs(got.multiplier[0] - 4 * got.slope[0]) <= 2
    assert got.multiplier[1] == got.multiplier[0] >= 2**15
    assert got.slope[1] == 0
    assert abs(got.slope[2] - 4 * got.multiplier[2]) <= 2
    assert got.slope[2] >= 2**15
    assert got.shift[0] == got.shift[1] == got.shift[2] + 2
    assert (got.low, got.high) == (-128, 127)


def test_a_slope_works_on_a_row_without_weights():
    x = np.array([[-40.0], [40.0]])
    network, _ = one([[1.0], [0.0]], [0.0, -1000.0], activation=Activation(slope=np.array([1.0, 0.01])), x=x)
    np.testing.assert_allclose(outputs(network, x)[:, 1], -10, atol=network.output.scale)


@pytest.mark.parametrize(
    "low, high, expected",
    [(0, np.inf, (-51, 127)), (-np.inf, 1.0, (-128, 49)), (-0.1, 0.5, (-61, -1)), (-9, 9, (-128, 127))],
)
def test_a_clip_is_a_clamp(low, high, expected):
    """A wider tensor: the clip's ends fall inside its format."""
    format = QuantizedTensor(scale=0.01, zero_point=-51, signed=True)
    net = graph(layer([[1.0]], activation=Activation(low=low, high=high)), formats={"fc": format})
    (got,) = quantize(net, BYTE).layers
    assert (got.low, got.high) == expected


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_table_gives_the_functions_values(function):
    x = np.linspace(-8, 8, 200)[:, None]
    network, got = one([[1.0]], [0.3], activation=Activation(table=function), x=x)
    wanted = reference.run_float(graph(layer([[1.0]], [0.3], activation=Activation(table=function))), x)
    assert got.table.shape == (256,)
    assert (got.low, got.high) == (-128, 127)
    before = 16.6 / 255
    np.testing.assert_allclose(outputs(network, x), wanted, atol=1.5 * before + network.output.scale)


def test_a_tables_entries_are_indexed_by_the_integer_before_it_modulo_256():
    """A copy's argument is the input as it is stored: scale 1/16, zero-point 0."""
    x = np.array([[-8.0], [7.9375]])
    network, got = one([[1.0]], structural=True, activation=Activation(table=TANH), x=x)
    assert network.input == QuantizedTensor(scale=1 / 16, zero_point=0, signed=True)
    assert (got.multiplier.tolist(), got.shift.tolist(), got.zero_point) == ([32768], [15], 0)
    output = network.output
    integers = np.arange(-128, 128)
    wanted = np.clip(np.rint(np.tanh(integers / 16) / output.scale) + output.zero_point, -128, 127)
    assert got.table[integers % 256].tolist() == wanted.tolist()


def test_the_ends_of_a_sigmoid_take_no_integers():
    """From 6.3 on its value rounds to 1: what lies beyond does not make the steps of the argument coarser."""
    x = np.linspace(-8, 8, 161)[:, None]
    wide = np.concatenate([x, [[-4000.0], [4000.0]]])
    net = graph(
        layer([[1.0]], activation=Activation(table=SIGMOID)),
        formats={INPUT: replace(SIGNED, scale=1 / 16, zero_point=0)},
    )
    for calibration in (x, wide):
        network = quantize(net, calibration)
        real = (quantize_input(network, x)) / 16
        np.testing.assert_allclose(outputs(network, x), 1 / (1 + np.exp(-real)), atol=0.01)


def test_a_table_that_is_constant_over_the_calibration_stays_so():
    x = np.array([[0.4], [0.4001]])
    network, _ = one([[1.0]], activation=Activation(table=SIGMOID), x=x)
    np.testing.assert_allclose(outputs(network, x), 1 / (1 + np.exp(-0.4)), atol=0.003)
