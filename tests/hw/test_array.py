"""The whole array on networks: what leaves it is what the network gives, in the cycles that are predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from tests.hw.bench import joined, load, simulate
from tests.sim.any_image_network import image_inputs
from tests.sim.image_builder import Builder
from tests.sim.image_model import tensors

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.pack import pack
from zeroskip.schedule import predict, prepared, schedule
from zeroskip_hw.array import SparseArray

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
HALVE_3 = Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
MOST_CYCLES = 40_000
SAMPLES = 3
"""Both halves of the buffers, and the first again."""


def two_convolutions(builder: Builder) -> str:
    builder.input((3, 8, 6))
    return builder.conv(builder.conv(INPUT, 5, SAME_3), 4, SAME_3)


def strided(builder: Builder) -> str:
    builder.input((4, 9, 7))
    return builder.conv(builder.conv(builder.conv(INPUT, 6, SAME_3), 6, HALVE_3), 5, SAME_3)


def separable(builder: Builder) -> str:
    builder.input((2, 8, 5))
    tensor = builder.conv(INPUT, 8)
    return builder.conv(builder.conv(tensor, 8, SAME_3, groups=8), 6)


def classifier(builder: Builder) -> str:
    builder.input((2, 6, 6))
    tensor = builder.conv(builder.conv(INPUT, 6, SAME_3), 8, HALVE_3)
    return builder.conv(builder.conv(tensor, 12, Window(kernel=(3, 3))), 5)


def maxima(builder: Builder) -> str:
    builder.input((2, 8, 6))
    tensor = builder.maximum(builder.conv(INPUT, 6, SAME_3), Window(kernel=(2, 2), stride=(2, 2)))
    return builder.conv(builder.maximum(tensor, SAME_3), 4)


def average_of_the_image(builder: Builder) -> str:
    builder.input((2, 7, 5))
    return builder.conv(builder.average(builder.conv(INPUT, 8, SAME_3), Window(kernel=(7, 5))), 5)


def largest_of_the_image(builder: Builder) -> str:
    builder.input((3, 6, 4))
    return builder.conv(builder.maximum(builder.conv(INPUT, 6, SAME_3), Window(kernel=(6, 4))), 3)


def residual(builder: Builder) -> str:
    """Bottleneck blocks: tensors that are added, read and added, and only added."""
    builder.input((2, 8, 6))
    first = builder.conv(INPUT, 6, SAME_3)
    second = builder.conv(builder.conv(first, 5, SAME_3), 6, SAME_3, residual=first)
    third = builder.conv(builder.conv(second, 8), 6, residual=second)
    return builder.conv(third, 4, HALVE_3)


def residual_at_the_end(builder: Builder) -> str:
    builder.input((5, 6, 4))
    return builder.conv(builder.conv(INPUT, 5, SAME_3), 5, SAME_3, residual=INPUT)


def functions(builder: Builder) -> str:
    """Slopes and tables."""
    builder.input((2, 7, 4))
    tensor = builder.conv(builder.conv(INPUT, 6, SAME_3, slopes=True), 6, SAME_3, table=True)
    return builder.conv(builder.conv(tensor, 5, table=True), 4)


def high_windows(builder: Builder) -> str:
    """Windows as high as several strips."""
    builder.input((2, 16, 3))
    tensor = builder.conv(INPUT, 4, Window(kernel=(9, 1), padding=(4, 0, 4, 0)))
    tensor = builder.conv(tensor, 4, Window(kernel=(5, 3)))
    return builder.conv(tensor, 3, Window(kernel=(7, 1), padding=(6, 0, 6, 0)))


def vectors(builder: Builder) -> str:
    builder.input((22, 1, 1))
    return builder.conv(builder.conv(builder.conv(INPUT, 9), 12), 5)


def single_values(builder: Builder) -> str:
    """What a layer writes last, the next reads first."""
    builder.input((1, 1, 1))
    return builder.conv(builder.conv(builder.conv(INPUT, 1), 2), 1)


def few_weights(builder: Builder) -> str:
    """Lanes without a weight in a layer, rows without any, and words so empty that the queue of words runs dry."""
    builder.input((24, 1, 3))
    tensor = builder.conv(builder.conv(INPUT, 50, kept=0.02), 40, kept=0.01)
    return builder.conv(tensor, 8, kept=0.05)


def one_weight_a_row(builder: Builder) -> str:
    """The gate waits for room among a lane's rows."""
    builder.input((2, 2, 3))
    tensor = builder.conv(INPUT, 60)
    return builder.copy(tensor, [*range(0, 60, 2), *range(0, 60, 3)])


def one_busy_lane(builder: Builder) -> str:
    builder.input((6, 2, 2))
    weight = np.zeros((40, 6, 1, 1), dtype=np.int64)
    weight[:, 0] = weight[::9, 1:] = 3
    return builder.conv(builder.conv(INPUT, 40, weight=weight), 5, kept=0.3)


def one_layer(builder: Builder) -> str:
    """Loading takes longer than the layer."""
    builder.input((3, 5, 4))
    return builder.conv(INPUT, 2, kept=0.2)


NETWORKS = {
    one.__name__: one
    for one in (
        two_convolutions,
        strided,
        separable,
        classifier,
        maxima,
        average_of_the_image,
        largest_of_the_image,
        residual,
        residual_at_the_end,
        functions,
        high_windows,
        single_values,
        vectors,
        few_weights,
        one_weight_a_row,
        one_busy_lane,
        one_layer,
    )
}


def network_of(name: str, seed: int) -> QuantizedNetwork:
    builder = Builder(np.random.default_rng(seed))
    return builder.network(NETWORKS[name](builder))


def simulated(program: Program, stream: IntArray) -> tuple[IntArray, Cycles]:
    """What the array gives of ``stream`` (samples, elements), and the cycles that it counts."""
    layout = Layout(program.config)
    dut, stopped = SparseArray(layout), Signal()
    found: list[list[int]] = [[]]
    counted: list[Cycles] = []
    elements = layout.config.stream_elements

    async def feed(ctx: Any) -> None:
        ctx.set(stopped, 1)
        ctx.set(dut.silence_limit, 10_000)
        ctx.set(dut.layer_limit, 100_000)
        for memory in layout.memories:
            await load(ctx, dut.load, layout, memory.name, program.images[memory.name])
        ctx.set(stopped, 0)
        for sample in stream.tolist():
            for begin in range(0, len(sample), elements):
                ctx.set(dut.in_valid, 1)
                ctx.set(dut.in_data, joined(sample[begin : begin + elements]))
                ctx.set(dut.in_last, begin + elements >= len(sample))
                while True:
                    taken = ctx.get(dut.in_ready)
                    await ctx.tick()
                    if taken:
                        break
            ctx.set(dut.in_valid, 0)

    async def take(ctx: Any) -> None:
        ctx.set(dut.out_ready, 1)
        for _ in range(MOST_CYCLES):
            if ctx.get(dut.out_valid):
                keep, data = ctx.get(dut.out_keep), ctx.get(dut.out_data)
                found[-1] += [data >> (8 * i) & 0xFF for i in range(elements) if keep >> i & 1]
                if ctx.get(dut.out_last):
                    found.append([])
                    if len(found) > len(stream):
                        await ctx.tick().repeat(2)  # what the counters see is a cycle old
                        counted.append(read(ctx))
                        return
            assert not ctx.get(dut.expired)
            await ctx.tick()
        raise AssertionError(f"{len(found) - 1} samples came within {MOST_CYCLES} cycles")

    def read(ctx: Any) -> Cycles:
        each = {}
        for number, layer in enumerate(program.layers):
            ctx.set(dut.layer_cycles_address, number)
            each[layer.name] = ctx.get(dut.layer_cycles)
        return Cycles(latency=ctx.get(dut.latency), interval=ctx.get(dut.interval), layers=each)

    simulate(ResetInserter(stopped)(dut), feed, take)
    return np.array(found[:-1]), counted[0]


def check(network: QuantizedNetwork, config: ArrayConfig, samples: int) -> None:
    """The array gives what the network gives, in as many cycles as are predicted."""
    given, plan = prepared(network), schedule(network, config)
    x = image_inputs(np.random.default_rng(2), network, samples).reshape(samples, *given.shapes[INPUT])
    wanted, stream = (
        (values.transpose(0, 2, 3, 1).reshape(samples, -1) & 0xFF)
        for values in (tensors(given, x)[given.output_name], x)
    )
    found, cycles = simulated(pack(plan), stream)
    np.testing.assert_array_equal(found, wanted)
    assert cycles == predict(plan)


SMALLEST = (1, 1, 1)
ARRAYS = [SMALLEST, (3, 4, 2), (4, 8, 1)]
"""(lanes, columns, epilogues)."""

LONG_ALONE = ("two_convolutions", "strided", "classifier", "average_of_the_image", "residual", "residual_at_the_end")
"""What takes a single multiplier longest, and is left to the night there: the Verilog of such an array runs networks of all kinds every time."""


@pytest.mark.parametrize(
    "name, lanes, columns, epilogues",
    [
        *(
            pytest.param(name, *array, marks=[pytest.mark.nightly] if array == SMALLEST and name in LONG_ALONE else [])
            for name in NETWORKS
            for array in ARRAYS
        ),
        ("residual", 5, 4, 4),
        ("separable", 4, 4, 4),
    ],
)
def test_strips_in_the_columns(name: str, lanes: int, columns: int, epilogues: int) -> None:
    config = ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues, strips=True, load_elements=1)
    check(network_of(name, 1), config, SAMPLES)


@pytest.mark.parametrize("name", ["classifier", "average_of_the_image", "vectors", "residual", "maxima", "functions"])
@pytest.mark.parametrize("lanes, epilogues", [(2, 1), (5, 2)])
def test_samples_in_the_columns(name: str, lanes: int, epilogues: int) -> None:
    """Every column works on an image of its own."""
    columns = 3
    config = ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues, strips=False, load_elements=4)
    check(network_of(name, 1), config, SAMPLES * columns)


@pytest.mark.parametrize("name", ["strided", "residual", "few_weights"])
@pytest.mark.parametrize("load_elements, stream_bits", [(2, 16), (8, 64), (4, 64)])
def test_elements_in_one_cycle(name: str, load_elements: int, stream_bits: int) -> None:
    """And sums that wait in block RAM, words of other widths."""
    config = ArrayConfig(
        lanes=4, columns=2, epilogues=2, word=8, stream_bits=stream_bits, load_elements=load_elements, block_queue=True,
        strips=True,
    )  # fmt: skip
    check(network_of(name, 2), config, SAMPLES)
