"""The integer reference against Python's own integers, and the accuracy of real networks."""

from __future__ import annotations

import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sw.functions import SILU
from tests.sw.graphs import RELU, chain, graph, layer
from tests.sw.tiny_networks import python_tensors, tiny_inputs, tiny_network

from zeroskip import reference
from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.graph import INPUT, Activation, Window
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.quantize import dequantize, quantize, quantize_input

SIGNED = QuantizedTensor(scale=1.0, zero_point=-3, signed=True)
PLAIN = QuantizedTensor(scale=1.0, zero_point=0, signed=True)


def quantized(weight, bias=None, multiplier=None, shift=None, **fields) -> QuantizedLayer:
    """A layer from ``INPUT`` to ``y``; two axes of weights are a fully connected one."""
    weight = np.array(weight, dtype=np.int64)
    weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))
    outputs = len(weight)
    given = {
        "name": "fc", "source": INPUT, "output": "y", "weight": weight, "weight_scale": np.ones(outputs),
        "bias": np.array(bias or [0] * outputs), "multiplier": np.array(multiplier or [32768] * outputs),
        "shift": np.array(shift or [15] * outputs), "window": Window(kernel=weight.shape[2:]),
        "zero_point": 0, "low": -128, "high": 127,
    }  # fmt: skip
    return QuantizedLayer(**given | fields)


def network(*layers: QuantizedLayer, shape=None, user=None, formats=None) -> QuantizedNetwork:
    """The layers on an input of that shape, by default a vector; every format is ``PLAIN`` unless given."""
    shapes = {INPUT: shape or (layers[0].weight.shape[1], 1, 1)}
    for part in layers:
        shapes[part.output] = (part.channel + part.outputs, *part.window.output(*shapes[part.source][1:]))
    output = layers[-1].output
    return QuantizedNetwork(
        input_shape=user or shapes[INPUT], output_shape=shapes[output], weight_bits=16, shapes=shapes,
        formats=dict.fromkeys(shapes, PLAIN) | (formats or {}), layers=layers, output_name=output,
    )  # fmt: skip


def image(*rows: list[int]) -> np.ndarray:
    return np.array(rows)[None, None]


def run(net: QuantizedNetwork, x: np.ndarray) -> list:
    return reference.run(net, x)[0].tolist()


@settings(max_examples=300)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_every_tensor_equals_pythons_integers(seed, batch):
    rng = np.random.default_rng(seed)
    net = tiny_network(rng)
    x = tiny_inputs(rng, net, 3)
    got = reference.run_layers(net, x)
    wanted = [python_tensors(net, sample) for sample in x]
    assert got.keys() == net.shapes.keys()
    for name, values in got.items():
        assert values.dtype == np.int64
        assert values.shape == (3, *net.shapes[name])
        assert values.reshape(3, -1).tolist() == [tensors[name] for tensors in wanted], f"seed {seed}, tensor {name}"
    y = reference.run(net, x, batch=batch)
    np.testing.assert_array_equal(y, got[net.output_name].reshape(3, *net.output_shape), err_msg=f"seed {seed}")


def test_the_tiny_networks_use_every_field():
    layers = [layer for seed in range(300) for layer in tiny_network(np.random.default_rng(seed)).layers]
    for uses in (
        lambda layer: layer.maximum and layer.groups < layer.weight.shape[1] * layer.groups,
        lambda layer: layer.residual is not None and layer.table is not None,
        lambda layer: layer.residual is not None and layer.slope is not None,
        lambda layer: layer.channel > 0,
        lambda layer: 1 < layer.groups < layer.outputs,
        lambda layer: min(layer.window.padding) < 0 < max(layer.window.padding),
        lambda layer: max(layer.window.dilation) > 1 and max(layer.window.stride) > 1,
    ):
        assert sum(map(uses, layers)) >= 5


# --- cases by hand ----------------------------------------------------------------------------------------------------


def test_padding_holds_the_zero_point_and_a_stride_leaves_over():
    window = Window(kernel=(2, 1), stride=(2, 1), padding=(1, 0, 0, 0))
    net = network(quantized([[[[1], [10]]]], window=window), shape=(1, 4, 1), formats={INPUT: SIGNED})
    assert run(net, image([1], [2], [3], [4])) == [[[10 - 3], [2 + 30]]]


def test_negative_padding_skips_rows_and_columns():
    net = network(quantized([[[[1]]]], window=Window(padding=(-1, -2, 0, 1))), shape=(1, 2, 3), formats={INPUT: SIGNED})
    assert run(net, image([1, 2, 3], [4, 5, 6])) == [[[6, -3]]]


def test_dilation_spreads_the_taps():
    window = Window(kernel=(1, 2), dilation=(1, 2))
    assert run(network(quantized([[[[1, 10]]]], window=window), shape=(1, 1, 4)), image([1, 2, 3, 4])) == [[[31, 42]]]


def test_groups_read_their_own_channels():
    net = network(quantized([[1, 2], [3, 4]], groups=2), shape=(4, 1, 1))
    assert run(net, np.array([1, 1, 2, 2]).reshape(1, 4, 1, 1)) == [[[3]], [[14]]]


def test_a_maximum_never_chooses_padding():
    window = Window(kernel=(1, 2), padding=(0, 1, 0, 0))
    pool = quantized([[[[1, 1]]]], maximum=True, window=window)
    net = network(pool, shape=(1, 1, 3), formats={INPUT: SIGNED, "y": SIGNED})
    assert run(net, image([-100, -120, -128])) == [[[-100, -100, -120]]]


def test_a_residual_is_added_in_4096ths_and_rounded_once():
    first = quantized([[1]], name="a", output="a")
    # 3 · x / 2**14 is x · 0.75 in 4096ths, floored; the residual adds (x - zero-point) · 1000 of them
    second = quantized([[1]], multiplier=[3], shift=[14], residual="a", residual_multiplier=1000)
    for x in range(-128, 128):
        net = network(first, second, formats={"a": replace(PLAIN, zero_point=5)})
        wanted = ((x * 3 >> 2) + (x - 5) * 1000 + 2048) >> 12
        assert run(net, np.array([[[[x]]]])) == [[[wanted]]]


def test_a_slope_takes_the_place_of_the_multiplier_below_zero():
    leaky = quantized([[1], [1]], [0, -2], multiplier=[2, 2], slope=np.array([1, 6]), shift=[1, 1])
    wanted = [(x * 2 + 1 if x >= 0 else x + 1) >> 1 for x in (-4, 3)]
    assert [run(network(leaky), np.array([[[[x]]]]))[0][0][0] for x in (-4, 3)] == wanted
    assert [run(network(leaky), np.array([[[[x]]]]))[1][0][0] for x in (-4, 1, 3)] == [-18, -3, 1]


@pytest.mark.parametrize("signed", [False, True])
def test_a_table_is_read_by_the_stored_value_modulo_256(signed):
    before = QuantizedTensor(scale=1.0, zero_point=0, signed=signed)
    looked_up = quantized([[1]], table=np.arange(256)[::-1] - 128, low=before.low, high=before.high)
    net = network(looked_up, formats={INPUT: before})
    x = np.arange(before.low, before.high + 1).reshape(-1, 1, 1, 1)
    assert reference.run(net, x).reshape(-1).tolist() == [127 - (value % 256) for value in x.reshape(-1)]


def test_layers_that_write_one_tensor_are_concatenated():
    layers = (quantized([[2]], output="y"), quantized([[3], [4]], name="b", output="y", channel=1))
    assert run(network(*layers), np.array([[[[5]]]])) == [[[10]], [[15]], [[20]]]


def test_sums_beyond_float32_are_exact():
    total = 8 * 32767 * 127 + 1  # odd and above 2**24, so float32 lacks it
    x = np.array([127] * 8 + [1]).reshape(1, 9, 1, 1)
    assert run(network(quantized([[32767] * 8 + [1]], [2 - total])), x) == [[[2]]]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_widest_accumulator_is_exact(sign):
    bound = 2**39 - 1
    for net in (
        network(quantized([[0]], [sign * bound], [65535], [63])),
        network(quantized([[1]], [sign * (bound - 128)], [1], [1])),
        network(quantized([[0]], [sign * bound], [65535], [49])),
    ):
        x = np.zeros((1, 1, 1, 1), dtype=int)
        assert run(net, x) == [[python_tensors(net, x[0])["y"]]]


def test_rounding_is_half_up():
    net = network(quantized([[1]], [0], [1], [1]))
    x = np.arange(-4, 5).reshape(-1, 1, 1, 1)
    assert reference.run(net, x).reshape(-1).tolist() == [-2, -1, -1, 0, 0, 1, 1, 2, 2]


def test_shapes_of_a_sample_and_of_no_samples():
    net = network(quantized([[1, 2, 3, 4]]), user=(2, 2))
    assert reference.run(net, np.zeros((3, 2, 2), dtype=np.int8)).shape == (3, 1, 1, 1)
    assert reference.run(net, np.zeros((0, 2, 2), dtype=np.int8)).shape == (0, 1, 1, 1)
    layers = reference.run_layers(net, np.zeros((3, 2, 2), dtype=np.int64))
    assert {name: values.shape for name, values in layers.items()} == {INPUT: (3, 4, 1, 1), "y": (3, 1, 1, 1)}


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
        reference.run(network(quantized([[1, 1]]), user=(2,)), x)


def test_a_batch_of_zero_is_refused():
    with pytest.raises(InputError, match=r"^batch must be at least 1, not 0$"):
        reference.run(network(quantized([[1]])), [[[[0]]]], batch=0)


def test_an_accumulator_that_could_be_inexact_is_refused():
    match = r"^layer 'fc': the accumulator would need 41 bits, more than the limit of 40$"
    with pytest.raises(CapacityError, match=match):
        reference.run(network(quantized([[1]], [2**39 - 1])), [[[[0]]]])


# --- the float network ------------------------------------------------------------------------------------------------


def test_run_float_is_the_masked_float_network():
    masked = layer(
        [[1.0, -2.0], [3.0, 4.0]],
        [0.5, -10.0],
        activation=RELU,
        mask=np.array([True, False, True, True]).reshape(2, 2, 1, 1),
    )
    net = graph(masked, user=(1, 2))
    y = reference.run_float(net, np.array([[[1.0, 1.0]], [[2.0, 3.0]]], dtype=np.float32))
    assert y.dtype == np.float64
    assert y.tolist() == [[1.5, 0.0], [2.5, 8.0]]
    with pytest.raises(InputError, match=r"^input: shape must be \(N, 1, 2\), not \(2, 2\)$"):
        reference.run_float(net, np.zeros((2, 2)))


def test_run_float_pools_adds_and_ends_layers_as_torch_does():
    window = Window(kernel=(2, 2), padding=(1, 1, 0, 0))
    pool = layer(np.ones((1, 1, 2, 2)), name="pool", maximum=True, window=window)
    leaky = layer([[1.0]], name="leaky", activation=Activation(slope=np.array([0.5]), low=-0.75))
    silu = layer([[1.0]], name="silu", source="pool", residual="leaky", activation=Activation(table=SILU))
    x = np.array([[[[-1.0, -2.0], [3.0, -4.0]]]])
    total = np.array([[-1 - 0.5, -1 - 0.75], [3 + 3, 3 - 0.75]])
    y = reference.run_float(graph(pool, leaky, silu, shape=(1, 2, 2)), x)
    np.testing.assert_allclose(y[0, 0], total / (1 + np.exp(-total)))


@pytest.mark.parametrize("kind, weight_bits, loss", [("sparse", 4, 0.5), ("sparse", 8, 0.2), ("dense", 8, 0.2)])
def test_lenet_300_100_keeps_its_accuracy_on_the_mnist_test_set(require_data, kind, weight_bits, loss):
    stored = np.load(require_data(f"dns_pruned_lenet/lenet300100_{kind}.npz"))
    mnist = require_data("mnist")

    def read(name: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((mnist / f"{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)

    train = read("train-images-idx3", 16).reshape(-1, 784)[:1000] / 256
    test, labels = read("t10k-images-idx3", 16).reshape(-1, 784) / 256, read("t10k-labels-idx1", 8)
    net_float = chain([layer(stored[f"{key}.weight"], stored[f"{key}.bias"], name=str(key)) for key in (1, 3, 5)])

    def accuracy(outputs: np.ndarray) -> float:
        return 100 * float((outputs.argmax(axis=1) == labels).mean())

    net = quantize(net_float, train, weight_bits=weight_bits)
    integers = quantize_input(net, test)
    np.testing.assert_array_equal(integers, (test * 256).astype(np.int64))  # the camera's own bytes
    got = accuracy(reference.run(net, integers))
    assert got >= accuracy(reference.run_float(net_float, test)) - loss


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
        layers.append(layer(weight, bias, name=f"net.{index}"))
    net_float = chain(layers)

    def score(outputs: np.ndarray) -> float:
        return float(np.square(outputs - windows).mean())

    net = quantize(net_float, windows)
    assert score(reference.run_float(net_float, windows)) == pytest.approx(9.49129, abs=1e-4)
    integer = dequantize(net, reference.run(net, quantize_input(net, windows)))
    assert score(integer) == pytest.approx(9.49129, rel=0.01)
