"""What a host loads: parts, addresses and CRC; and the bytes of its samples."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from tests.sw.graphs import chain, layer
from tests.sw.tiny_networks import tiny_inputs, tiny_network

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.ends import End
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.payload import Payload
from zeroskip.contracts.streams import to_input_stream
from zeroskip.contracts.tensor import QuantizedTensor
from zeroskip.pack import pack
from zeroskip.quantize import quantize
from zeroskip.schedule import predict, schedule


def payload(strips: bool, lanes: int = 2, residual: bool | None = None) -> Payload:
    rng = np.random.default_rng(8)
    first, second = (rng.normal(size=shape) * (rng.random(shape) < 0.5) for shape in ((9, 11), (5, 9)))
    network = quantize(chain([layer(first, name="a"), layer(second, name="b")]), rng.normal(size=(20, 11)))
    plan = schedule(network, ArrayConfig(lanes=lanes, columns=3, strips=strips, residual=residual))
    return Payload(
        config=pack(plan).config, input=End.input_of(network), output=End.output_of(network), cycles=predict(plan),
        images=pack(plan).images,
    )  # fmt: skip


@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_writes_are_the_images_in_order_and_the_crc_is_of_all_that_is_written(
    wide: bool, strips: bool, lanes: int
) -> None:
    """wide : words of the program have three parts, which do not fill their stride"""
    it = payload(strips, lanes, residual=wide)
    memory = {write.address + 4 * i: value for write in it.writes() for i, value in enumerate(write.values)}
    stream = b"".join(value.to_bytes(4, "little") for write in it.writes() for value in write.values)
    assert it.crc == zlib.crc32(stream)
    assert len(memory) == len(stream) // 4
    assert [*memory] == sorted(memory)
    assert any(memory.parts == 3 for memory in it.layout.memories) == wide
    assert it.group == (1 if strips else 3)
    for where in it.layout.memories:
        for word, value in enumerate(it.images[where.name]):
            base = (where.window << it.layout.window_bits) + word * where.stride
            parts = [memory.pop(base + 4 * part) for part in range(where.parts)]
            assert sum(part << 32 * i for i, part in enumerate(parts)) == value
    assert not memory


def test_the_crc_of_nothing_is_zero() -> None:
    it = payload(strips=True)
    nothing = Payload(
        config=it.config, input=it.input, output=it.output, cycles=it.cycles, images=dict.fromkeys(it.images, ())
    )
    assert nothing.crc == 0
    assert list(nothing.writes()) == []


@pytest.mark.parametrize("seed", range(6))
def test_bytes_of_a_sample_are_those_of_the_stream_and_come_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = tiny_network(rng)
    x, end = tiny_inputs(rng, network, 3), End.input_of(network)
    samples = end.to_bytes(x)
    assert [[byte % 256 for byte in row] for row in to_input_stream(network, x)] == [list(s) for s in samples]
    assert np.array_equal(end.from_bytes(samples), x)
    assert end.size == len(samples[0])
    assert End.from_json(end.to_json(), "input") == end


def test_refusals_name_the_end() -> None:
    end = End(what="output", shape=(2,), planes=(2, 1, 1), format=QuantizedTensor(scale=0.5, zero_point=0, signed=True))
    with pytest.raises(InputError, match=r"^output: shape must be \(N, 2\), not \(1, 3\)$"):
        end.dequantize(np.zeros((1, 3), int))
    with pytest.raises(InputError, match=r"^output: dtype must be integer, not float64$"):
        end.dequantize(np.zeros((1, 2)))
