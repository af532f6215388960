"""The order of activations on the streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from tests.sim.any_image_network import image_inputs, image_networks
from tests.sim.image_cases import case

from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.streams import from_output_stream, to_input_stream, to_output_stream


@pytest.fixture
def network() -> QuantizedNetwork:
    """(3, 6, 6) to (4, 6, 6)."""
    return case("image_output")


def test_pixels_come_with_all_their_channels(network: QuantizedNetwork) -> None:
    x = np.arange(2 * 3 * 6 * 6).reshape(2, 3, 6, 6)
    stream = to_input_stream(network, x)
    assert stream.shape == (2, 108)
    assert stream.dtype == np.int64
    assert stream[0, :6].tolist() == [0, 36, 72, 1, 37, 73]
    assert stream[1, 3 * 6 : 3 * 6 + 3].tolist() == [108 + 6, 108 + 42, 108 + 78]


def test_vectors_pass_as_they_are() -> None:
    vectors = case("fully_connected_with_a_residual")
    x = np.arange(2 * np.prod(vectors.input_shape)).reshape(2, *vectors.input_shape)
    assert to_input_stream(vectors, x).tolist() == x.reshape(2, -1).tolist()


def test_outputs_pass_alike(network: QuantizedNetwork) -> None:
    y = np.arange(4 * 6 * 6).reshape(1, 4, 6, 6)
    assert to_output_stream(network, y)[0, :5].tolist() == [0, 36, 72, 108, 1]


@given(image_networks())
def test_what_goes_out_comes_back(network: QuantizedNetwork) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(-128, 128, size=(3, *network.output_shape))
    stream = to_output_stream(network, y)
    assert stream.shape == (3, y[0].size)
    back = from_output_stream(network, stream)
    assert back.dtype == np.int64
    np.testing.assert_array_equal(back, y)
    x = image_inputs(rng, network, 2)
    np.testing.assert_array_equal(np.sort(to_input_stream(network, x)), np.sort(x.reshape(2, -1)))


def test_the_users_shape_does_not_matter(network: QuantizedNetwork) -> None:
    """A sample may be flat to the user, and is an image all the same."""
    flat = replace(network, input_shape=(108,), output_shape=(144,))
    x, y = np.arange(108).reshape(1, 108), np.arange(144).reshape(1, 144)
    assert to_input_stream(flat, x)[0, :3].tolist() == [0, 36, 72]
    assert from_output_stream(flat, to_output_stream(flat, y)).shape == (1, 144)
    np.testing.assert_array_equal(from_output_stream(flat, to_output_stream(flat, y)), y)
