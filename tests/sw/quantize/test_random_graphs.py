"""Whatever the graph: its integers stay as close to it as the roundings allow, and within the limits of the array."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sw.frontend.evaluate import lively
from tests.sw.frontend.pytorch.test_random_networks import Random
from tests.sw.quantize.random_graphs import bounds, float_tensors, random_graph

from zeroskip import reference
from zeroskip.contracts.graph import Graph
from zeroskip.contracts.network import accumulator_bits
from zeroskip.frontend import capture
from zeroskip.quantize import quantize, quantize_input

seeds = st.integers(0, 2**32 - 1)


def samples(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=(8, *shape)) * 10.0 ** rng.integers(-2, 3) + rng.choice([0.0, 3.0, -1.0])


@settings(max_examples=200)
@given(seeds)
def test_every_tensor_is_within_its_bound(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    assert_within_bounds(graph, samples(rng, graph.input_shape), f"seed {seed}")


@settings(max_examples=40)
@given(seeds, st.integers(1, 14))
def test_captured_modules_are_within_their_bound(seed, length):
    torch.manual_seed(seed)
    model = lively(Random(seed, length))
    graph = capture(model.eval(), torch.zeros(1, *model.sample))
    assert_within_bounds(
        graph, samples(np.random.default_rng(seed), graph.input_shape), f"seed {seed}, length {length}"
    )


def assert_within_bounds(graph: Graph, x: np.ndarray, message: str) -> None:
    network = quantize(graph, x)
    integers = reference.run_layers(network, quantize_input(network, x))
    wanted, allowed = float_tensors(graph, x), bounds(graph, network, integers)
    for name, values in integers.items():
        got = network.formats[name].scale * (values - network.formats[name].zero_point)
        error = np.abs(got - wanted[name]).max(axis=(0, 2, 3))
        assert (error <= allowed[name]).all(), f"{message}, tensor {name}: {error} beyond {allowed[name]}"


@given(seeds)
def test_float_evaluation_for_calibration_is_the_reference(seed):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    x = samples(rng, graph.input_shape)
    wanted = reference.run_float(graph, x).reshape(len(x), *graph.tensors[graph.output])
    np.testing.assert_allclose(
        float_tensors(graph, x)[graph.output], wanted, rtol=1e-9, atol=1e-9, err_msg=f"seed {seed}"
    )


@given(seeds, st.sampled_from([4, 8, 16]))
def test_every_field_is_within_its_limits(seed, weight_bits):
    rng = np.random.default_rng(seed)
    graph = random_graph(rng)
    network = quantize(graph, samples(rng, graph.input_shape), weight_bits=weight_bits)
    for layer, source in zip(network.layers, graph.layers, strict=True):
        message = f"seed {seed}, layer {layer.name}"
        assert np.abs(layer.weight).max() <= 2 ** (weight_bits - 1) - 1, message
        assert (layer.weight[~source.mask] == 0).all(), message
        assert ((layer.multiplier >= 0) & (layer.multiplier < 2**16)).all(), message
        assert layer.slope is None or ((layer.slope >= 0) & (layer.slope < 2**16)).all(), message
        assert ((layer.shift >= (1 if layer.residual is None else 13)) & (layer.shift <= 63)).all(), message
        assert 0 <= layer.residual_multiplier < 2**16, message
        assert -128 <= layer.low <= layer.high <= 255, message
        if layer.table is not None:
            after = network.formats[layer.output]
            assert layer.table.shape == (256,), message
            assert ((layer.table >= min(after.low, 0)) & (layer.table <= after.high)).all(), message
        assert accumulator_bits(layer.weight, layer.bias, network.formats[layer.source]) <= 40, message
