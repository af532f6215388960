"""The material itself: drawn networks keep to the contract, reach the corners, and give outputs in which an error would show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from tests.sim import image_model
from tests.sim.any_image_network import any_image_network, describe, image_inputs, image_networks
from tests.sim.image_cases import CASES, case

from zeroskip import reference
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork, accumulator_bits

NETWORKS = 300


@pytest.fixture(scope="module")
def drawn() -> list[QuantizedNetwork]:
    return [any_image_network(np.random.default_rng(seed)) for seed in range(NETWORKS)]


def require_contract(network: QuantizedNetwork, acc_bits: int = 40) -> None:
    """Every range and rule of contracts/network.py and contracts/graph.py."""
    written: dict[str, set[int]] = {INPUT: set(range(network.shapes[INPUT][0]))}
    read = set()
    assert set(network.shapes) == set(network.formats)
    assert np.prod(network.input_shape) == np.prod(network.shapes[INPUT])
    assert np.prod(network.output_shape) == np.prod(network.shapes[network.output_name])
    for layer in network.layers:
        channels, *size = network.shapes[layer.source]
        target, given = network.formats[layer.output], network.formats[layer.source]
        assert (layer.outputs, *layer.weight.shape[1:]) == (
            layer.outputs, channels / layer.groups, *layer.window.kernel,
        )  # fmt: skip
        assert layer.outputs % layer.groups == 0
        assert layer.window.output(*size) == network.shapes[layer.output][1:]
        assert min(network.shapes[layer.output]) >= 1
        for name in (layer.source, *([layer.residual] if layer.residual else [])):
            assert written[name] == set(range(network.shapes[name][0])), f"{layer.name} reads {name} too early"
            read.add(name)
        if layer.residual:
            assert network.shapes[layer.residual] == (layer.outputs, *network.shapes[layer.output][1:])
        own = set(range(layer.channel, layer.channel + layer.outputs))
        assert not own & written.setdefault(layer.output, set())
        written[layer.output] |= own
        limit = 1 << (network.weight_bits - 1)
        assert layer.weight.min() >= -limit
        assert layer.weight.max() < limit
        assert accumulator_bits(layer.weight, layer.bias, given) <= acc_bits
        if layer.maximum:
            assert (layer.weight == 1).all()
            assert not layer.bias.any()
        for values, least, most in (
            (layer.multiplier, 0, 65535), (layer.multiplier if layer.slope is None else layer.slope, 0, 65535),
            (layer.shift, 13 if layer.residual else 1, 63), (np.array([layer.residual_multiplier]), 0, 65535),
            (np.array([layer.zero_point, layer.low, layer.high]), -128, 255),
        ):  # fmt: skip
            assert values.dtype == np.int64
            assert values.min() >= least
            assert values.max() <= most
        assert layer.low <= layer.high
        assert all(len(v) == layer.outputs for v in (layer.bias, layer.multiplier, layer.shift, layer.weight_scale))
        assert layer.residual or not layer.residual_multiplier
        if layer.table is None:
            assert target.low <= layer.low <= layer.high <= target.high
            assert layer.maximum or layer.zero_point == target.zero_point
        else:
            assert layer.table.shape == (256,)
            assert target.low <= layer.table.min() <= layer.table.max() <= target.high
            assert layer.high - layer.low < 256
    assert set(network.shapes) - read == {network.output_name}
    assert network.layers[-1].output == network.output_name


def test_drawn_networks_keep_to_the_contract(drawn: list[QuantizedNetwork]) -> None:
    for network in drawn:
        require_contract(network)


@pytest.mark.parametrize("weight_bits, acc_bits", [(4, 20), (8, 27), (16, 34)])
def test_networks_for_one_array_keep_to_its_widths(weight_bits: int, acc_bits: int) -> None:
    for seed in range(60):
        rng = np.random.default_rng([weight_bits, seed])
        network = any_image_network(rng, largest=200, deepest=3, weight_bits=weight_bits, acc_bits=acc_bits)
        require_contract(network, acc_bits)
        assert network.weight_bits == weight_bits
        assert max(int(np.prod(shape)) for shape in network.shapes.values()) <= 200, f"seed {seed}"
        assert len(network.layers) <= 3


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("name", CASES)
def test_named_cases_keep_to_the_contract_and_show_errors(name: str, weight_bits: int) -> None:
    network = case(name, weight_bits=weight_bits)
    require_contract(network)
    x = image_inputs(np.random.default_rng(1), network, 20)
    values = image_model.tensors(network, x)
    for tensor in set(values) - {INPUT}:
        spread = np.ptp(values[tensor])
        assert spread >= 40 or name == "a_layer_without_weights", f"{name}: {tensor} spans {spread} only"


@settings(max_examples=60)
@given(image_networks())
def test_the_strategy_keeps_to_the_contract(network: QuantizedNetwork) -> None:
    require_contract(network)


def test_equal_seeds_draw_equal_networks() -> None:
    first, second = (any_image_network(np.random.default_rng(7)) for _ in range(2))
    assert describe(first) == describe(second)
    assert all((a.weight == b.weight).all() for a, b in zip(first.layers, second.layers, strict=True))


def test_the_reference_equals_the_model(drawn: list[QuantizedNetwork]) -> None:
    named = [case(name, weight_bits=bits) for name in CASES for bits in (4, 8, 16)]
    for number, network in enumerate([*drawn, *named]):
        x = image_inputs(np.random.default_rng([1, number]), network, 3)
        expected = image_model.tensors(network, x)[network.output_name].reshape(3, *network.output_shape)
        np.testing.assert_array_equal(
            reference.run(network, x), expected, err_msg=f"network {number}\n{describe(network)}"
        )


def test_outputs_show_errors(drawn: list[QuantizedNetwork]) -> None:
    varying, wide, layers = 0, 0, 0
    for seed, network in enumerate(drawn):
        values = image_model.tensors(network, image_inputs(np.random.default_rng(seed), network, 8))
        varying += bool((values[network.output_name] != values[network.output_name][0]).any())
        for layer in network.layers:
            result = values[layer.output][:, layer.channel : layer.channel + layer.outputs]
            wide += bool(np.ptp(result) > (layer.high - layer.low) / 2)
            layers += 1
    assert varying > 0.75 * len(drawn)
    assert wide > 0.75 * layers


def test_the_networks_reach_the_corners(drawn: list[QuantizedNetwork]) -> None:
    shapes = [shape for network in drawn for shape in network.shapes.values()]
    layers = [(network, layer) for network in drawn for layer in network.layers]
    assert {len(network.layers) for network in drawn} == set(range(1, 8))

    def count(holds: Callable[[QuantizedLayer], object]) -> int:
        return sum(bool(holds(layer)) for _, layer in layers)

    def rows(layer: QuantizedLayer) -> np.ndarray:
        return np.count_nonzero(layer.weight.reshape(layer.outputs, -1), axis=1)

    def whole(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
        return layer.window.kernel == network.shapes[layer.source][1:] != (1, 1)

    corners = {
        "a vector as input": sum(network.shapes[INPUT][1:] == (1, 1) for network in drawn),
        "a vector as output": sum(network.output_shape == network.shapes[network.output_name][:1] for network in drawn),
        "an image as output": sum(min(network.shapes[network.output_name][1:]) > 1 for network in drawn),
        "a sequence": sum(height > 1 and width == 1 for _, height, width in shapes),
        "a row": sum(height == 1 and width > 1 for _, height, width in shapes),
        "an image of 15 and more": sum(min(height, width) >= 15 for _, height, width in shapes),
        "one channel": sum(channels == 1 for channels, _, _ in shapes),
        "16 channels and more": sum(channels >= 16 for channels, _, _ in shapes),
        "a kernel over the whole image": sum(whole(*pair) for pair in layers),
        "a kernel that is not square": count(lambda layer: layer.window.kernel[0] != layer.window.kernel[1]),
        "a stride that is not square": count(lambda layer: layer.window.stride[0] != layer.window.stride[1]),
        "dilation": count(lambda layer: 2 in layer.window.dilation),
        "asymmetric padding": count(lambda layer: layer.window.padding[:2] != layer.window.padding[2:]),
        "negative padding before": count(lambda layer: min(layer.window.padding[:2]) < 0),
        "negative padding behind": count(lambda layer: min(layer.window.padding[2:]) < 0),
        "a window entirely in padding": count(
            lambda layer: any(
                pad >= dilation * (kernel - 1) + 1
                for pad, kernel, dilation in zip(
                    layer.window.padding, layer.window.kernel * 2, layer.window.dilation * 2, strict=True
                )
            )
        ),
        "depthwise": sum(1 < layer.groups == network.shapes[layer.source][0] for network, layer in layers),
        "depthwise with multiplier": sum(
            1 < layer.groups == network.shapes[layer.source][0] < layer.outputs for network, layer in layers
        ),
        "groups of several": sum(1 < layer.groups < network.shapes[layer.source][0] for network, layer in layers),
        "maximum": count(lambda layer: layer.maximum),
        "maximum with a residual": count(lambda layer: layer.maximum and layer.residual),
        "maximum with a table": count(lambda layer: layer.maximum and layer.table is not None),
        "maximum in another scale": count(lambda layer: layer.maximum and (layer.multiplier != 32768).any()),
        "residual": count(lambda layer: layer.residual),
        "residual that is the source": count(lambda layer: layer.residual == layer.source),
        "residual that is the input": count(lambda layer: layer.residual == INPUT),
        "residual with a table": count(lambda layer: layer.residual and layer.table is not None),
        "residual with slopes": count(lambda layer: layer.residual and layer.slope is not None),
        "residual multiplier 65535": count(lambda layer: layer.residual_multiplier == 65535),
        "residual multiplier 0": count(lambda layer: layer.residual and layer.residual_multiplier == 0),
        "slopes": count(lambda layer: layer.slope is not None),
        "tables": count(lambda layer: layer.table is not None),
        "concatenation": count(lambda layer: layer.channel > 0),
        "several readers": sum(
            max(sum(name in (layer.source, layer.residual) for layer in network.layers) for name in network.shapes) > 1
            for network in drawn
        ),
        "writers out of order": sum(
            any(a.output == b.output and a.channel > b.channel for a, b in zip(network.layers, network.layers[1:], strict=False))
            for network in drawn
        ),
        "a layer without weights": count(lambda layer: not layer.weight.any()),
        "a single weight": count(lambda layer: rows(layer).sum() == 1 and layer.weight.size > 8),
        "empty rows among others": count(lambda layer: rows(layer).any() and not rows(layer).all()),
        "one full row and nothing else": count(lambda layer: (rows(layer) > 0).sum() == 1 and rows(layer).max() > 8),
        "full masks": count(lambda layer: layer.weight.all()),
        "signed": sum(network.formats[layer.source].signed for network, layer in layers),
        "unsigned with zero-point 0": sum(
            not (given := network.formats[layer.source]).signed and given.zero_point == 0 for network, layer in layers
        ),
        "unsigned with another zero-point": sum(
            not (given := network.formats[layer.source]).signed and given.zero_point > 0 for network, layer in layers
        ),
        "a zero-point at the end": count(lambda layer: layer.zero_point in (-128, 127, 255)),
        "a clamp inside the format": sum(
            layer.high < network.formats[layer.output].high and layer.table is None for network, layer in layers
        ),
        "the whole accumulator": sum(
            accumulator_bits(layer.weight, layer.bias, network.formats[layer.source]) == 40 for network, layer in layers
        ),
        "only vectors, no flat array": sum(
            all(shape[1:] == (1, 1) for shape in network.shapes.values()) and not network.flat for network in drawn
        ),
    }  # fmt: skip
    for bits in (4, 8, 16):
        for end in (-(1 << (bits - 1)), (1 << (bits - 1)) - 1):
            corners[f"weight {end} of {bits} bits"] = sum(
                (layer.weight == end).any() for network, layer in layers if network.weight_bits == bits
            )
    for value in (1, 13, 63):
        corners[f"shift {value}"] = count(lambda layer, value=value: (layer.shift == value).any())
    for value in (0, 65535):
        corners[f"multiplier {value}"] = count(lambda layer, value=value: (layer.multiplier == value).any())
    for value in (1, 2, 3, 4):
        corners[f"stride {value}"] = count(lambda layer, value=value: value in layer.window.stride)
        corners[f"kernel {value + 1}"] = count(lambda layer, value=value: value + 1 in layer.window.kernel)
    assert not [name for name, found in corners.items() if found < 5], corners
