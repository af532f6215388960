"""Images hold exactly the kept weights: unpack(pack(x)) == x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.sim.any_network import any_network
from tests.sim.chain import as_kernels
from tests.sim.networks import random_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.pack import pack, unpack
from zeroskip.schedule import schedule


def room(word: int, lanes: int, weight_bits: int, stream_bits: int) -> ArrayConfig:
    return ArrayConfig(
        strips=False, maximum=False, residual=False, slopes=False, table_depth=0, lanes=lanes, word=word, weight_bits=weight_bits, stream_bits=stream_bits, acc_bits=38, mask_depth=4096,
        weight_depth=4096, input_depth=300, hidden_depth=700, output_depth=300, row_depth=2048, layer_depth=6,
    )  # fmt: skip


@given(
    st.integers(0, 2**32), st.sampled_from([8, 16, 32, 64]), st.integers(1, 64), st.sampled_from([4, 8, 16]),
    st.sampled_from([8, 16, 32, 64]), st.booleans(),
)  # fmt: skip
@example(0, 8, 1, 4, 8, True)
@example(1, 64, 64, 16, 64, False)
def test_unpacked_images_are_the_weights(seed, word, lanes, weight_bits, stream_bits, sized):
    config = room(word, lanes, weight_bits, stream_bits)
    network = any_network(np.random.default_rng(seed), config, largest=70)
    if sized:
        config = ArrayConfig(lanes=lanes, word=word, weight_bits=weight_bits, stream_bits=stream_bits)
    plan = schedule(network, config)
    unpacked = unpack(pack(plan))
    assert list(unpacked) == [layer.name for layer in network.layers]
    for before, placed in zip(network.layers, plan.layers, strict=True):
        weight, mask = unpacked[before.name]
        expected = np.zeros(before.weight.shape[:2], dtype=np.int64)
        kept = np.zeros(expected.shape, dtype=bool)
        row, stored = np.nonzero(placed.mask)
        where = placed.rows[row], placed.columns[stored]
        expected[where], kept[where] = placed.weight[row, stored], True
        np.testing.assert_array_equal(weight, expected, err_msg=f"seed {seed}")
        np.testing.assert_array_equal(mask, kept, err_msg=f"seed {seed}")


@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@pytest.mark.parametrize("word", [8, 16, 32, 64])
def test_of_a_network_without_dead_rows_every_weight_comes_back(word, weight_bits):
    network = random_network(np.random.default_rng(word), (77, 50, 33), 0.5, weight_bits)
    program = pack(schedule(network, ArrayConfig(lanes=7, word=word, weight_bits=weight_bits)))
    for layer in network.layers:
        weight, mask = unpack(program)[layer.name]
        np.testing.assert_array_equal(weight, layer.weight[:, :, 0, 0])
        np.testing.assert_array_equal(mask, layer.weight[:, :, 0, 0] != 0)


def test_layers_are_described():
    network = random_network(np.random.default_rng(9), (20, 10, 5), 1.0, 8)
    program = pack(schedule(network, ArrayConfig(lanes=2)))
    assert [(layer.name, layer.shape, layer.nnz) for layer in program.layers] == [
        ("fc0", (10, 20), np.count_nonzero(network.layers[0].weight)),
        ("fc1", (5, 10), np.count_nonzero(network.layers[1].weight)),
    ]
    assert (program.inputs, program.outputs, program.input_beats, program.output_beats) == (20, 5, 5, 2)


def test_bits_and_weights_lie_in_order():
    network = random_network(np.random.default_rng(4), (10, 2), 1.0, 8)
    weight = np.array([[0, -1, 0, 0, 0, 0, 0, 2, 0, 3], [0, 0, 0, 0, 0, 0, 0, 0, -4, 5]])
    network = replace(network, layers=(replace(network.layers[0], weight=as_kernels(weight)),))
    plan = schedule(network, ArrayConfig(lanes=1, word=8, stream_bits=8))
    images = pack(plan).images
    headers = Layout(plan.config).header_words
    # Inputs 1, 7, 8, 9 are read and stored at 0 … 3.
    assert images["lane00.masks"][headers:] == (0b1011, 0b1100)
    assert images["lane00.weights"] == (0xFF, 2, 3, 0xFC, 5)
    assert [Layout(plan.config).beat.decode(word)["keep"] for word in images["input"]] == [0, 1, 0, 0, 0, 0, 0, 1, 1, 1]
