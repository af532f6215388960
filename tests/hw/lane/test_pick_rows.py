"""The stage that picks bits, and the one that finds their rows, against the stream of bits; both stall when it pleases the bench."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component
from tests.hw.bench import layout_of, simulate
from tests.hw.lane.shares import Share, random_share, tokens_of
from tests.hw.lane.test_fetch import entries_of

from zeroskip.contracts.layout import Layout
from zeroskip_hw.lane.pick import Pick
from zeroskip_hw.lane.rows import Rows
from zeroskip_hw.primitives.broadcast import broadcast

FLAGS = ("weight", "tile_end", "layer_end")


class Both(Component):
    """Pick and rows, as in a lane."""

    def __init__(self, layout: Layout) -> None:
        self.pick, self.rows = Pick(layout), Rows(layout)
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pick, m.submodules.rows = self.pick, self.rows
        broadcast(m, self.pick.token, self.rows.source)
        m.d.comb += [self.rows.lowest.eq(self.pick.lowest), self.rows.place.eq(self.pick.place)]
        return m


def check(shares: list[Share], word: int, rng: Random, supply: float, moves: float, *, two_level: bool = False) -> int:
    """Feeds two groups; returns the cycles from the first token to the last."""
    layout = layout_of(word=word, two_level=two_level)
    expected = tokens_of(shares) * 2
    words = deque(entries_of(shares, word) * 2)
    dut = Both(layout)
    pick, rows = dut.pick, dut.rows
    bases = [rng.randrange(1 << layout.tap_bits) for _ in shares]
    begins, cycles = [], [0, 0]

    async def bench(ctx: Any) -> None:
        layer, quiet, number, fresh, cycle = 0, 0, 0, True, 0
        while number < len(expected):
            assert cycle < 20_000
            offer, advance = bool(words) and rng.random() < supply, rng.random() < moves
            ctx.set(pick.valid, offer)
            if offer:
                for name in pick.entry.signature.members:
                    member = getattr(pick.entry, name)
                    ctx.set(member, getattr(words[0], name) % (1 << len(member)))
            # A layer's constants come when the one before has left.
            quiet += 1
            share, base = shares[layer % len(shares)], bases[layer % len(shares)]
            resume = quiet == 5
            ctx.set(pick.resume, resume)
            if resume:
                ctx.set(rows.n, share.n)
                ctx.set(rows.tap_base, base)
                ctx.set(rows.tap_next, (base + share.n) % (1 << layout.tap_bits))
            for part in (pick, rows):
                ctx.set(part.advance, advance)
            if ctx.get(pick.take):
                words.popleft()
            if advance and ctx.get(rows.token.valid):
                token = expected[number]
                assert tuple(ctx.get(getattr(rows.token, name)) for name in FLAGS) == (
                    token.weight,
                    token.tile_end,
                    token.layer_end,
                )
                if token.weight:
                    row, tap = divmod(token.position, share.n)
                    first = fresh or row != begins[-1]
                    begins.append(row)
                    assert ctx.get(rows.tap) == (base + tap) % (1 << layout.tap_bits)
                    assert (ctx.get(rows.first), ctx.get(rows.tile_first)) == (first, fresh)
                cycles[min(number, 1)] = cycle
                number, fresh = number + 1, token.tile_end
                if token.layer_end:
                    layer, quiet = layer + 1, 0
            cycle += 1
            await ctx.tick()

    simulate(dut, bench)
    return cycles[1] - cycles[0]


@pytest.mark.parametrize("two_level", [False, True], ids=["bits", "levels"])
@pytest.mark.parametrize("word", [8, 16, 32, 64])
@pytest.mark.parametrize("seed", range(8))
def test_every_bit_with_its_row_and_tap(word: int, two_level: bool, seed: int) -> None:
    rng = Random(seed)
    shares = [random_share(rng, two_level=two_level) for _ in range(rng.randint(1, 4))]
    check(shares, word, rng, rng.choice([1.0, 0.3]), rng.choice([1.0, 0.7, 0.2]), two_level=two_level)


@pytest.mark.parametrize("form", ["bitmap", "two-level"])
def test_one_bit_per_cycle(form: str) -> None:
    """Across leaves, words, rows and tiles; two groups with a wait for constants between them."""
    share = Share(5, [[0, 1, 2, 3, 4], [4], [0], [1, 3], [0, 4]] * 3, tiles=4, form=form)
    bits = len(tokens_of([share]))
    assert check([share], 16, Random(1), 1.0, 1.0, two_level=form == "two-level") < 2 * bits + 16
