"""Addresses in the hidden buffer: what lives at the same time lies apart, but for sums that take their residual's place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_networks
from tests.sim.image_builder import Builder
from tests.sim.image_cases import case

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.graph import INPUT, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.strips.blocks import Block, assign_addresses
from zeroskip.schedule.strips.geometry import View, strip_rows, views
from zeroskip.schedule.strips.memory import allocate, lives

from .test_geometry import require_reads_and_writes

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))


def allocated(network: QuantizedNetwork, columns: int) -> tuple[dict[str, View], int]:
    return allocate(network, views(network, columns, *strip_rows(network, columns)))


def uses(network: QuantizedNetwork) -> dict[str, tuple[int, int]]:
    """First write and last read of each hidden tensor."""
    result = {}
    for tensor in network.shapes:
        if tensor not in (INPUT, network.output_name):
            writes = [i for i, layer in enumerate(network.layers) if layer.output == tensor]
            reads = [i for i, layer in enumerate(network.layers) if tensor in (layer.source, layer.residual)]
            result[tensor] = min(writes), max(reads)
    return result


def overlap(a: View, b: View) -> bool:
    return a.base < b.base + b.size and b.base < a.base + a.size


@settings(max_examples=150)
@given(image_networks(), st.integers(1, 16))
def test_tensors_that_live_at_the_same_time_lie_apart(network: QuantizedNetwork, columns: int) -> None:
    network = prepared(network)
    found, hidden = allocated(network, columns)
    used = uses(network)
    assert lives(network) == used
    assert hidden == max([1, *(found[tensor].base + found[tensor].size for tensor in used)])
    for a in used:
        for b in used:
            if a < b and used[a][0] <= used[b][1] and used[b][0] <= used[a][1] and overlap(found[a], found[b]):
                old, new = (a, b) if used[a][1] == used[b][0] else (b, a)
                layer = network.layers[used[new][0]]
                message = f"{a} and {b}, {columns} columns\n{describe(network)}"
                assert (layer.residual, layer.output) == (old, new), message
                assert layer.source != old, message
                assert sum(other.output == new for other in network.layers) == 1, message
                stored = [
                    (v.base, v.shape, v.advance, v.top, v.left, v.rows, v.cells, v.planar)
                    for v in (found[old], found[new])
                ]
                assert stored[0] == stored[1], message


def test_a_chain_alternates_between_two_places() -> None:
    builder = Builder(np.random.default_rng(0))
    tensor = builder.input((3, 8, 8))
    for _ in range(6):
        tensor = builder.conv(tensor, 5, SAME_3)
    found, hidden = allocated(builder.network(tensor), 2)
    size = 5 * 10 * 6  # channels, cells, rows with overlap
    assert [found[f"t{i}"].size for i in range(1, 6)] == [size] * 5
    assert hidden == 2 * size
    assert [found[f"t{i}"].base for i in range(1, 6)] in ([0, size, 0, size, 0], [size, 0, size, 0, size])


# --- sums in place ----------------------------------------------------------------------------------------------------


def _in_place(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3)
    y = b.conv(x, 4, SAME_3)
    return b.conv(b.conv(y, 4, SAME_3, residual=x), 3, SAME_3)


def _is_the_source(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3)
    return b.conv(b.conv(x, 4, SAME_3, residual=x), 3, SAME_3)


def _read_again(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3)
    z = b.conv(b.conv(x, 4, SAME_3), 4, SAME_3, residual=x)
    return b.conv(z, 4, SAME_3, residual=x)


def _part_of_a_tensor(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3)
    y = b.conv(x, 4, SAME_3)
    both = b.tensor((8, 8, 8))
    b.conv(y, 4, SAME_3, residual=x, output=both)
    b.conv(y, 4, SAME_3, output=both, channel=4)
    return b.conv(both, 3, SAME_3)


def _depthwise_reader(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3)
    y = b.conv(x, 4, SAME_3)
    return b.conv(b.conv(y, 4, SAME_3, residual=x), 4, SAME_3, groups=4)


def _reader_with_another_advance(b: Builder) -> str:
    """On 3 columns the sum has strips of 3 rows, but its reader goes on by 5."""
    x = b.conv(INPUT, 4, SAME_3)
    y = b.conv(x, 4, SAME_3)
    z = b.conv(y, 4, SAME_3, residual=x)
    return b.conv(z, 3, Window(stride=(5, 5), padding=(0, 0, 3, 3)))


APART: dict[str, Callable[[Builder], str]] = {
    "the residual is the source": _is_the_source, "the residual is read again": _read_again,
    "another layer writes into the sum": _part_of_a_tensor, "one is stored channel by channel": _depthwise_reader,
    "strips advance differently": _reader_with_another_advance,
}  # fmt: skip


def sum_and_residual(build: Callable[[Builder], str]) -> tuple[QuantizedNetwork, View, View]:
    """(network, the first sum, its residual) on 3 columns."""
    builder = Builder(np.random.default_rng(0))
    builder.input((2, 8, 8))
    network = builder.network(build(builder))
    found, _ = allocated(network, 3)
    layer = next(layer for layer in network.layers if layer.residual is not None)
    assert layer.residual is not None
    return network, found[layer.output], found[layer.residual]


def test_a_sum_takes_the_place_of_its_residual() -> None:
    network, new, old = sum_and_residual(_in_place)
    assert new.base == old.base
    require_reads_and_writes(network, ArrayConfig(columns=3), seed=1)


@pytest.mark.parametrize("why", APART)
def test_a_sum_lies_apart_where(why: str) -> None:
    network, new, old = sum_and_residual(APART[why])
    assert not overlap(new, old)
    require_reads_and_writes(network, ArrayConfig(columns=3), seed=1)


def test_sums_of_sums_all_take_the_same_place_and_are_stored_alike() -> None:
    """As the deepest reader wants it: two cells of padding."""
    builder = Builder(np.random.default_rng(0))
    x = builder.conv(builder.input((2, 8, 8)), 4, SAME_3)
    sums = [x]
    for _ in range(3):
        sums.append(builder.conv(builder.conv(sums[-1], 4), 4, residual=sums[-1]))
    last = builder.conv(sums[-1], 3, Window(kernel=(5, 5), padding=(2, 2, 2, 2)))
    network = builder.network(last)
    found, hidden = allocated(network, 2)
    assert {found[name].base for name in sums} == {found[x].base}
    assert {(found[name].left, found[name].cells, found[name].rows) for name in sums} == {(2, 12, 8)}
    assert hidden == found[x].size + found["t2"].size
    require_reads_and_writes(network, ArrayConfig(columns=2), seed=1)


def test_a_sum_lies_apart_where_being_stored_alike_would_raise_the_peak() -> None:
    """The residual would have to be as large as the 9x9 reader wants the sum, while two others are large."""
    builder = Builder(np.random.default_rng(0))
    x = builder.conv(builder.input((2, 4, 4)), 4)
    large = [builder.conv(x, 24)]
    large.append(builder.conv(large[0], 24))
    y = builder.conv(builder.conv(large[1], 4), 4, residual=x)
    network = builder.network(builder.conv(y, 2, Window(kernel=(9, 9), padding=(4, 4, 4, 4))))
    found, hidden = allocated(network, 1)
    assert (found[x].size, found[large[0]].size, found[y].size) == (64, 384, 576)
    assert hidden == 64 + 2 * 384
    require_reads_and_writes(network, ArrayConfig(columns=1), seed=1)


# --- blocks -----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4), st.integers(1, 40)), max_size=9))
def test_blocks_alive_together_do_not_overlap(drawn: list[tuple[int, int, int]]) -> None:
    blocks = {f"b{i}": Block(first=first, last=first + more, size=size) for i, (first, more, size) in enumerate(drawn)}
    bases, peak = assign_addresses(blocks)
    assert peak == max((bases[name] + block.size for name, block in blocks.items()), default=0)
    for a, one in blocks.items():
        for b, other in blocks.items():
            if a < b and one.first <= other.last and other.first <= one.last:
                assert bases[a] + one.size <= bases[b] or bases[b] + other.size <= bases[a]
    alive = [sum(block.size for block in blocks.values() if block.first <= step <= block.last) for step in range(13)]
    assert max(alive) <= peak <= sum(block.size for block in blocks.values())
    assert assign_addresses(blocks) == (bases, peak)


def test_blocks_fill_the_places_of_those_that_died() -> None:
    blocks = {
        "a": Block(first=0, last=1, size=10), "b": Block(first=1, last=2, size=6), "c": Block(first=2, last=3, size=4),
        "d": Block(first=2, last=3, size=6),
    }  # fmt: skip
    assert assign_addresses(blocks)[1] == 16


def test_one_large_tensor_does_not_keep_its_room() -> None:
    network = prepared(case("more_output_channels_than_input_channels"))
    _, hidden = allocated(network, 1)
    assert hidden == 8 * 8 * 24
