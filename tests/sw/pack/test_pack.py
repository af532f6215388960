"""Images hold exactly the kept weights: unpack(pack(x)) == x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_networks
from tests.sim.chain import as_kernels
from tests.sim.image_cases import CASES, case
from tests.sim.networks import random_network
from tests.sw.pack.arrays import any_vectors, arrays, planned

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.pack import pack, unpack
from zeroskip.schedule import prepared, schedule


def require_weights(network: QuantizedNetwork, array: ArrayConfig) -> None:
    plan, program = planned(network, array)
    unpacked = unpack(program)
    layers = prepared(network).layers
    assert list(unpacked) == [layer.name for layer in layers] == [layer.name for layer in program.layers]
    for layer, folded, placed, info in zip(layers, plan.network.layers, plan.plan.layers, program.layers, strict=True):
        weight, mask = unpacked[layer.name]
        # What is folded away is not stored.
        expected, rows = np.zeros_like(layer.weight), plan.folded.rows(folded)
        channels = np.arange(layer.weight.shape[1]) if layer.groups > 1 else plan.folded.channels[layer.source]
        expected[np.ix_(rows, channels)] = folded.weight
        expected = expected.reshape(layer.outputs, -1)
        np.testing.assert_array_equal(weight, expected, err_msg=describe(network))
        # A row without weights keeps one explicit zero.
        stored = np.count_nonzero(expected, axis=1)
        np.testing.assert_array_equal(mask[stored > 0], expected[stored > 0] != 0)
        empty = rows[stored[rows] == 0]
        assert (mask[empty].sum(axis=1) == 1).all()
        assert mask.sum() == stored.sum() + len(empty)
        assert info.kept == np.count_nonzero(layer.weight)
        assert placed.across or info.nnz == mask.sum()


@settings(max_examples=80, deadline=None)
@given(image_networks(), arrays)
def test_unpacked_images_are_the_weights(network: QuantizedNetwork, array: ArrayConfig) -> None:
    require_weights(network, array)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), arrays, st.sampled_from([4, 8, 16]))
@example(0, ArrayConfig(lanes=1, word=8, stream_bits=8), 4)
@example(1, ArrayConfig(lanes=64, word=64, epilogues=4, stream_bits=64), 16)
def test_unpacked_images_are_the_weights_of_vectors(seed: int, array: ArrayConfig, weight_bits: int) -> None:
    require_weights(any_vectors(seed, array, weight_bits), array)


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_weights_of_named_cases_come_back(name: str, strips: bool, weight_bits: int) -> None:
    """Windows across the columns among them."""
    network = case(name, weight_bits=weight_bits)
    require_weights(network, ArrayConfig(lanes=3, columns=4, word=16, epilogues=2, strips=strips))


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("word", [8, 16, 32, 64])
def test_every_width_comes_back(word: int, weight_bits: int) -> None:
    network = random_network(np.random.default_rng(word), (77, 50, 33), 0.5, weight_bits)
    program = pack(schedule(network, ArrayConfig(lanes=7, word=word, weight_bits=weight_bits)))
    for layer in network.layers:
        weight, mask = unpack(program)[layer.name]
        np.testing.assert_array_equal(weight, layer.weight[:, :, 0, 0])
        np.testing.assert_array_equal(mask, layer.weight[:, :, 0, 0] != 0)


def test_layers_are_described() -> None:
    network = random_network(np.random.default_rng(9), (20, 10, 5), 1.0, 8)
    program = pack(schedule(network, ArrayConfig(lanes=2)))
    assert [(layer.name, layer.shape, layer.nnz) for layer in program.layers] == [
        ("fc0", (10, 20), np.count_nonzero(network.layers[0].weight)),
        ("fc1", (5, 10), np.count_nonzero(network.layers[1].weight)),
    ]
    assert (program.inputs, program.outputs, program.input_beats, program.output_beats) == (20, 5, 5, 2)
    for layer in program.layers:
        assert layer.strip == 0
        assert sorted(row for bundle in layer.bundles for row in bundle) == list(range(layer.shape[0]))
        taps = [tap for taps in layer.columns for tap in taps if tap >= 0]
        assert sorted(set(taps)) == list(range(layer.shape[1]))


def test_rows_that_are_completed_together_are_described_by_epilogue() -> None:
    _, program = planned(case("depthwise_then_pointwise"), ArrayConfig(lanes=4, columns=2, epilogues=4))
    for layer in program.layers:
        assert all(len(bundle) == 4 for bundle in layer.bundles)
        rows = [row for bundle in layer.bundles for row in bundle if row >= 0]
        assert sorted(rows) == list(range(layer.shape[0]))
    assert any(sum(row >= 0 for row in bundle) > 1 for bundle in program.layers[0].bundles)


def test_bits_and_weights_lie_in_order() -> None:
    network = random_network(np.random.default_rng(4), (10, 2), 1.0, 8)
    weight = np.array([[0, -1, 0, 0, 0, 0, 0, 2, 0, 3], [0, 0, 0, 0, 0, 0, 0, 0, -4, 5]])
    network = replace(network, layers=(replace(network.layers[0], weight=as_kernels(weight)),))
    plan = schedule(network, ArrayConfig(lanes=1, word=8, stream_bits=8))
    program, layout = pack(plan), Layout(plan.config)
    # Inputs 1, 7, 8, 9 are read: four bits a row, in the order of their addresses, the row with the weights that level most first.
    (info,) = program.layers
    order, (taps,) = [row for (row,) in info.bundles], info.columns
    assert sorted(taps) == [1, 7, 8, 9]
    bits = [weight[row, tap] != 0 for row in order for tap in taps]
    word = sum(1 << place for place, bit in enumerate(bits) if bit)
    assert program.images["lane00.masks"][layout.header_words :] == (word,)
    kept = [weight[row, tap] % 256 for row in order for tap in taps if weight[row, tap]]
    assert program.images["lane00.weights"] == tuple(kept)


def test_nothing_to_do_is_a_header_alone() -> None:
    network = random_network(np.random.default_rng(4), (1, 1), 1.0, 8)
    plan = schedule(network, ArrayConfig(lanes=2, word=32))
    layout, images = Layout(plan.config), pack(plan).images
    idle = [lane for lane, share in enumerate(plan.plan.layers[0].shares) if not share.mask.any()]
    assert idle
    for lane in idle:
        words = images[f"lane{lane:02}.masks"]
        assert len(words) == layout.header_words
        header = layout.header.decode(sum(word << 32 * i for i, word in enumerate(words)))
        assert (header["last"], header["empty"]) == (1, 1)
        assert images[f"lane{lane:02}.weights"] == ()
