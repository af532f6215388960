"""Blocks of addresses with lives, packed low: blocks that are alive together do not overlap. Several orders are tried."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SHUFFLES = 200
"""Further orders that are tried, drawn from a fixed seed, until one reaches the bound."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Addresses that are in use together for a time.

    first : step from which they are in use
    last : last step in which they are in use
    size : number of addresses
    """

    first: int
    last: int
    size: int


def assign_addresses(blocks: Mapping[str, Block]) -> tuple[dict[str, int], int]:
    """The base of every block, and the peak.

    Each block in turn goes to the lowest address that is free throughout its life. The result depends on the order of the blocks. The
    orders by size, by life and by birth are tried, then shuffled ones. The search ends early when the peak reaches its lower bound, the
    largest sum of sizes that are alive at one step. The same blocks always give the same addresses.
    """
    bound = max(
        (sum(b.size for b in blocks.values() if b.first <= step <= b.last) for step in _steps(blocks)), default=0
    )
    keys: list[Callable[[str], tuple[int, ...]]] = [
        lambda name: (-blocks[name].size,),
        lambda name: (-blocks[name].size * (blocks[name].last - blocks[name].first + 1),),
        lambda name: (blocks[name].first, -blocks[name].size),
        lambda name: (-blocks[name].last, -blocks[name].size),
    ]
    orders = [sorted(blocks, key=lambda name, key=key: (*key(name), name)) for key in keys]  # type: ignore[misc]
    best = min((_first_fit(blocks, order) for order in orders), key=lambda result: result[1])
    generator = random.Random(1)
    order = list(orders[0])
    for _ in range(SHUFFLES):
        if best[1] == bound:
            break
        generator.shuffle(order)
        best = min(best, _first_fit(blocks, order), key=lambda result: result[1])
    return best


def _steps(blocks: Mapping[str, Block]) -> set[int]:
    return {block.first for block in blocks.values()}


def _first_fit(blocks: Mapping[str, Block], order: Sequence[str]) -> tuple[dict[str, int], int]:
    bases: dict[str, int] = {}
    for name in order:
        mine, base = blocks[name], 0
        others = sorted(
            (start, start + blocks[other].size)
            for other, start in bases.items()
            if blocks[other].first <= mine.last and mine.first <= blocks[other].last
        )
        for start, end in others:
            if base + mine.size <= start:
                break
            base = max(base, end)
        bases[name] = base
    return bases, max((base + blocks[name].size for name, base in bases.items()), default=0)
