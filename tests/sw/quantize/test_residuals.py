"""Sums of a layer and a tensor in integers, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sw.functions import TANH
from tests.sw.graphs import graph, layer
from tests.sw.quantize.single import BYTE, outputs

from zeroskip.contracts.graph import NOTHING, Activation
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.quantize import quantize


def add(*, second=((1.0,),), x=BYTE, activation=NOTHING) -> tuple[QuantizedNetwork, QuantizedLayer]:
    """``a`` = x, then ``sum`` = second · x + a."""
    net = graph(layer([[1.0]], name="a"), layer(second, name="sum", residual="a", activation=activation))
    network = quantize(net, x)
    return network, network.layers[1]


def test_a_residual_is_scaled_to_the_sum_in_4096ths():
    network, got = add()
    assert network.formats["a"].scale == 1.0
    assert network.output.scale == 2.0
    assert (got.residual, got.residual_multiplier) == ("a", 2048)
    factor = got.weight[0, 0, 0, 0] * got.multiplier[0] / 2.0 ** got.shift[0]
    assert factor == pytest.approx(0.5, rel=2**-14)
    assert outputs(network, [[100.0], [201.0]])[:, 0].tolist() == [200, 402]


def test_a_sum_that_cancels_is_as_coarse_as_its_residual_allows():
    """255 - 254.9 is at most 0.1: a scale of 0.1 / 255 is out of the residual multiplier's reach."""
    network, got = add(second=((-0.9996,),))
    assert network.output.scale == pytest.approx(1 / 16, rel=2**-13)
    assert got.residual_multiplier == 65534
    assert np.abs(outputs(network, BYTE)).max() <= 0.5 + 1 / 16


def test_a_sum_of_heavy_weights_is_as_coarse_as_its_units():
    """A copy's accumulator unit is its input's scale, 1; the clipped sum's scale would be 1/255."""
    net = graph(
        layer([[0.002]], name="a"),
        layer([[1.0]], name="sum", structural=True, residual="a", activation=Activation(low=0, high=1)),
    )
    network = quantize(net, BYTE)
    got = network.layers[1]
    assert network.output.scale == pytest.approx(1 / 8, rel=2**-13)
    assert (got.shift[0], got.high) == (13, 8)


def test_what_a_residual_needs_reaches_the_sums_that_follow():
    """The second sum's residual is the first, which becomes coarser."""
    layers = [
        layer([[1.0]], name="a"),
        layer([[-0.99996]], name="b", residual="a"),
        layer([[0.0]], name="c", residual="b", activation=Activation(high=1e-4)),
    ]
    network = quantize(graph(*layers), BYTE)
    assert network.formats["b"].scale == pytest.approx(1 / 16, rel=2**-13)
    assert network.formats["c"].scale == pytest.approx(1 / 256, rel=2**-12)
    assert [got.residual_multiplier for got in network.layers] == [0, 65534, 65534]


def test_what_a_later_sum_needs_reaches_back_through_a_maximum():
    """``a`` shares the format of ``y``, which the sum into it makes 1000/16 coarse; ``s`` has ``a`` for a residual, but comes before."""
    layers = [
        layer([[1.0]], name="a"),
        layer([[0.0]], name="s", residual="a", activation=Activation(high=1.0)),
        layer([[1000.0]], name="b"),
        layer([[1.0]], name="pool", source="a", maximum=True, output="y"),
        layer([[-999.9]], name="t", residual="b", output="y", channel=1),
    ]
    network = quantize(graph(*layers), BYTE)
    assert network.formats["a"] == network.output
    assert network.formats["a"].scale == pytest.approx(1000 / 16, rel=2**-13)
    assert network.formats["s"].scale == pytest.approx(1000 / 256, rel=2**-12)


def test_a_residual_on_a_row_without_weights_keeps_its_bias():
    """The row's bias is far beyond the output's range, and the residual brings it back."""
    net = graph(layer([[1.0]], name="a"), layer([[0.0]], [-950.0], name="sum", residual="a"))
    x = np.array([[900.0], [1000.0]])
    np.testing.assert_allclose(outputs(quantize(net, x), x)[:, 0], [-50, 50], atol=3)


def test_a_table_follows_a_residual():
    network, got = add(activation=Activation(table=TANH), x=np.array([[-1.0], [1.0]]))
    x = np.linspace(-1, 1, 50)[:, None]
    np.testing.assert_allclose(outputs(network, x), np.tanh(2 * x), atol=0.03)
    assert got.residual_multiplier == pytest.approx(2048, rel=0.05)
