"""The integer reference against Python's own integers, and the accuracy of real networks."""

from __future__ import annotations

import gzip
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zeroskip import reference
from zeroskip.quantize import dequantize, quantize, quantize_input
from zeroskip.spec.errors import CapacityError, InputError
from zeroskip.spec.graph import Graph, LinearLayer
from zeroskip.spec.network import QuantizedLinear, QuantizedNetwork, QuantizedTensor

UNSIGNED = QuantizedTensor(scale=1.0, zero_point=0, signed=False)
SIGNED = QuantizedTensor(scale=1.0, zero_point=-3, signed=True)


def quantized(weight, bias, multiplier, shift, *, name="fc", source=SIGNED, target=SIGNED, relu=False):
    return QuantizedLinear(
        name=name,
        weight=np.array(weight, dtype=np.int64),
        weight_scale=np.ones(len(weight)),
        bias=np.array(bias, dtype=np.int64),
        multiplier=np.array(multiplier, dtype=np.int64),
        shift=np.array(shift, dtype=np.int64),
        input=source,
        output=target,
        low=target.zero_point if relu else target.low,
        high=target.high,
    )


def network(*layers: QuantizedLinear, shape: tuple[int, ...] | None = None) -> QuantizedNetwork:
    return QuantizedNetwork(
        input_shape=shape or layers[0].weight.shape[1:],
        output_shape=(len(layers[-1].weight),),
        weight_bits=16,
        layers=layers,
    )


def python_layer(layer: QuantizedLinear, x: list[int]) -> list[int]:
    """The contract in Python's unbounded integers."""
    outputs = []
    for row in range(len(layer.weight)):
        acc = int(layer.bias[row]) + sum(int(w) * v for w, v in zip(layer.weight[row], x, strict=True))
        multiplier, shift = int(layer.multiplier[row]), int(layer.shift[row])
        scaled = (acc * multiplier + (1 << (shift - 1))) >> shift
        outputs.append(min(max(layer.output.zero_point + scaled, layer.low), layer.high))
    return outputs


@st.composite
def networks(draw):
    widths = draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    formats = [draw(st.sampled_from([SIGNED, UNSIGNED])) for _ in widths]
    layers = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):

        def column(low, high, rows=outputs):
            return draw(arrays(np.int64, rows, elements=st.integers(low, high)))

        layers.append(
            quantized(
                draw(arrays(np.int64, (outputs, inputs), elements=st.integers(-(2**15), 2**15 - 1))),
                column(-(2**38), 2**38),
                column(0, 2**16 - 1),
                column(1, 63),
                source=formats[index],
                target=formats[index + 1],
                relu=draw(st.booleans()),
            )
        )
    low, high = formats[0].low, formats[0].high
    x = draw(arrays(np.int64, (draw(st.integers(1, 4)), widths[0]), elements=st.integers(low, high)))
    return network(*layers), x


@settings(max_examples=150)
@given(networks(), st.integers(1, 5))
def test_every_layer_equals_pythons_integers(drawn, batch):
    net, x = drawn
    values = x.tolist()
    for layer, got in zip(net.layers, reference.run_layers(net, x), strict=True):
        values = [python_layer(layer, sample) for sample in values]
        assert got.tolist() == values
        assert got.dtype == np.int64
    assert reference.run(net, x, batch=batch).tolist() == values


@pytest.mark.parametrize("sign", [1, -1])
def test_the_widest_accumulator_is_exact(sign):
    bound = 2**39 - 1
    layer = quantized([[0]], [sign * bound], [65535], [63])
    assert reference.run(network(layer), [[0]]).tolist() == [python_layer(layer, [0])]
    low_bits = quantized([[1]], [sign * (bound - 128)], [1], [1])
    assert reference.run(network(low_bits), [[1]]).tolist() == [python_layer(low_bits, [1])]


def test_rounding_is_half_up():
    layer = quantized([[1]], [0], [1], [1], target=QuantizedTensor(scale=1.0, zero_point=0, signed=True))
    x = np.arange(-4, 5)[:, None]
    assert reference.run(network(layer), x)[:, 0].tolist() == [-2, -1, -1, 0, 0, 1, 1, 2, 2]


def test_shapes_of_a_sample_and_of_no_samples():
    net = network(quantized([[1, 2, 3, 4]], [0], [1], [1]), shape=(2, 2))
    assert reference.run(net, np.zeros((3, 2, 2), dtype=np.int8)).shape == (3, 1)
    assert reference.run(net, np.zeros((0, 2, 2), dtype=np.uint8)).shape == (0, 1)
    assert [y.shape for y in reference.run_layers(net, np.zeros((3, 2, 2), dtype=np.int64))] == [(3, 1)]


@pytest.mark.parametrize(
    "x, match",
    [
        (np.zeros((1, 2)), r"input: dtype must be integer, not float64"),
        (np.zeros((1, 3), dtype=int), r"input: shape must be \(N, 2\), not \(1, 3\)"),
        (np.zeros(2, dtype=int), r"input: shape must be \(N, 2\), not \(2,\)"),
        (np.array([[0, 128]]), r"input: must lie within -128 … 127, not 0 … 128"),
        (np.array([[-129, 0]]), r"input: must lie within -128 … 127, not -129 … 0"),
    ],
)
def test_wrong_inputs_are_refused(x, match):
    with pytest.raises(InputError, match=f"^{match}$"):
        reference.run(network(quantized([[1, 1]], [0], [1], [1])), x)


def test_a_batch_of_zero_is_refused():
    with pytest.raises(InputError, match=r"^batch must be at least 1, not 0$"):
        reference.run(network(quantized([[1]], [0], [1], [1])), [[0]], batch=0)


def test_an_accumulator_that_could_be_inexact_is_refused():
    match = r"^layer 'fc': the accumulator would need 41 bits, more than the limit of 40$"
    with pytest.raises(CapacityError, match=match):
        reference.run(network(quantized([[1]], [2**39 - 1], [1], [1])), [[0]])


def linear(name: str, weight: np.ndarray, bias: np.ndarray, *, relu: bool) -> LinearLayer:
    return LinearLayer(name=name, weight=weight.astype(float), mask=weight != 0, bias=bias.astype(float), relu=relu)


def test_run_float_is_the_masked_float_network():
    weight = np.array([[1.0, -2.0], [3.0, 4.0]])
    masked = LinearLayer(
        name="a", weight=weight, mask=np.array([[True, False], [True, True]]), bias=np.array([0.5, -10.0]), relu=True
    )
    graph = Graph(input_shape=(1, 2), output_shape=(2,), layers=(masked,))
    y = reference.run_float(graph, np.array([[[1.0, 1.0]], [[2.0, 3.0]]], dtype=np.float32))
    assert y.dtype == np.float64
    assert y.tolist() == [[1.5, 0.0], [2.5, 8.0]]
    with pytest.raises(InputError, match=r"^input: shape must be \(N, 1, 2\), not \(2, 2\)$"):
        reference.run_float(graph, np.zeros((2, 2)))


@pytest.mark.parametrize("kind, weight_bits, loss", [("sparse", 4, 0.5), ("sparse", 8, 0.2), ("dense", 8, 0.2)])
def test_lenet_300_100_keeps_its_accuracy_on_the_mnist_test_set(require_data, kind, weight_bits, loss):
    stored = np.load(require_data(f"dns_pruned_lenet/lenet300100_{kind}.npz"))
    mnist = require_data("mnist")

    def read(name: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((mnist / f"{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)

    train = read("train-images-idx3", 16).reshape(-1, 784)[:1000] / 256
    test, labels = read("t10k-images-idx3", 16).reshape(-1, 784) / 256, read("t10k-labels-idx1", 8)
    graph = Graph(
        input_shape=(784,),
        output_shape=(10,),
        layers=tuple(
            linear(str(key), stored[f"{key}.weight"], stored[f"{key}.bias"], relu=key < 5) for key in (1, 3, 5)
        ),
    )

    def accuracy(outputs: np.ndarray) -> float:
        return 100 * float((outputs.argmax(axis=1) == labels).mean())

    net = quantize(graph, train, weight_bits=weight_bits)
    integers = quantize_input(net, test)
    np.testing.assert_array_equal(integers, (test * 256).astype(np.int64))  # the camera's own bytes
    got = accuracy(reference.run(net, integers))
    assert got >= accuracy(reference.run_float(graph, test)) - loss


def test_the_anomaly_score_of_a_real_clip_survives(require_data):
    stored = np.load(require_data("mlperf_tiny/ad_autoencoder.npz"))
    clip = np.load(require_data("toyadmos_sample/normal_id_01_00000000_200x128_f32.npy"))
    windows = np.stack([clip[start : start + 5].reshape(640) for start in range(196)]).astype(np.float64)
    layers = []
    for index in range(0, 30, 3):
        weight, bias = (stored[f"net.{index}.{part}"].astype(np.float64) for part in ("weight", "bias"))
        if index < 27:
            norm = {
                part: stored[f"net.{index + 1}.{part}"].astype(np.float64)
                for part in ("weight", "bias", "running_mean", "running_var")
            }
            scale = norm["weight"] / np.sqrt(norm["running_var"] + 1e-3)
            weight, bias = weight * scale[:, None], (bias - norm["running_mean"]) * scale + norm["bias"]
        layers.append(linear(f"net.{index}", weight, bias, relu=index < 27))
    graph = Graph(input_shape=(640,), output_shape=(640,), layers=tuple(layers))

    def score(outputs: np.ndarray) -> float:
        return float(np.square(outputs - windows).mean())

    net = quantize(graph, windows)
    assert score(reference.run_float(graph, windows)) == pytest.approx(9.49129, abs=1e-4)
    integer = dequantize(net, reference.run(net, quantize_input(net, windows)))
    assert score(integer) == pytest.approx(9.49129, rel=0.01)
