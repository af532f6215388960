"""The raster of tiles against the bands that it walks through."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, load, simulate

from zeroskip.contracts.layout import Layout
from zeroskip_hw.results.tiles import Tiles

START_TO_HOLD = 3


@dataclass(frozen=True)
class Layer:
    """bands : words' fields; width : tiles in a band less one; first : number of the first band"""

    bands: list[dict[str, int]]
    first: int
    width: int
    write_step: int
    residual_step: int


@dataclass(frozen=True)
class Place:
    begin: int
    more: int
    write: int
    residual: int
    copy: int


def random_layers(rng: Random, layout: Layout, number: int) -> list[Layer]:
    c, layers, first = layout.config, [], 0
    for _ in range(number):
        count = rng.choice([1, 2, rng.randint(1, 5)])
        bands = [
            {
                "last": i == count - 1, "begin": rng.randrange(c.pass_depth), "residual": rng.getrandbits(layout.copy_bits),
                "more": rng.choice([0, 1, (1 << layout.more_bits) - 1, rng.getrandbits(layout.more_bits)]),
            }
            for i in range(count)
        ]  # fmt: skip
        steps = rng.getrandbits(layout.result_bits), rng.getrandbits(layout.copy_bits)
        layers.append(Layer(bands, first, rng.choice([0, 1, 2, rng.randrange(8)]), *steps))
        first += count
    return layers


def places_of(layer: Layer, layout: Layout) -> list[Place]:
    """A residual starts where its band says; a copy goes where the result would go if the band began at 0, in steps of its own."""
    places, residual = [], layout.config.residual
    stores, copies = 1 << layout.result_bits, 1 << layout.copy_bits
    for band in layer.bands:
        for x in range(layer.width + 1):
            copy = x * layer.residual_step
            places.append(
                Place(
                    band["begin"], band["more"], x * layer.write_step % stores, (band["residual"] + copy) % copies if residual else 0,
                    copy % copies if residual else 0,
                )
            )  # fmt: skip
    return places


def announced(ctx: Any, dut: Tiles, residual: bool) -> Place:
    place = dut.place
    values = [ctx.get(value) for value in (place.begin, place.more, place.write)]
    copies = [ctx.get(value) for value in (place.residual, place.copy)] if residual else [0, 0]
    return Place(*values, *copies)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_places_in_order(residual: bool, share: float, seed: int) -> None:
    """Each is announced once, a cycle behind its hold; then it stays until the next is. Tiles are collected two cycles apart or more."""
    rng = Random(seed)
    layout = layout_of(residual=residual, band_depth=30, pass_depth=60)
    layers = random_layers(rng, layout, rng.randint(1, 4))
    dut = Tiles(layout)
    fields = [field.name for field in layout.band]

    async def begin(ctx: Any, layer: Layer) -> None:
        ctx.set(dut.start, 1)
        ctx.set(dut.band, layer.first)
        for name in ("width", "write_step", *(["residual_step"] if residual else [])):
            ctx.set(getattr(dut, name), getattr(layer, name))
        await ctx.tick()
        ctx.set(dut.start, 0)

    async def bench(ctx: Any) -> None:
        words = [layout.band.encode({name: band[name] for name in fields}) for layer in layers for band in layer.bands]
        await load(ctx, dut.load, layout, "bands", words)
        for group in range(2):
            for number, layer in enumerate(layers):
                places = places_of(layer, layout)
                steps, holds = [], [START_TO_HOLD]  # cycles since the start, one for each tile
                for _ in places:
                    steps.append(holds[-1] + (1 if steps else 0))
                    while rng.random() >= share:
                        steps[-1] += 1
                    holds.append(steps[-1] + 1)
                await begin(ctx, layer)
                for cycle in range(1, holds[-1] + 4):
                    where = f"group {group}, layer {number}, cycle {cycle}, seed {seed}"
                    held = sum(hold <= cycle for hold in holds[:-1]) - 1
                    if held >= 0 and cycle < holds[-1]:
                        assert ctx.get(dut.hold) == places[held].more, where
                    assert ctx.get(dut.place.fresh) == (cycle - 1 in holds[:-1]), where
                    shown = sum(hold < cycle for hold in holds[:-1]) - 1
                    if shown >= 0 and cycle <= holds[-1]:
                        assert announced(ctx, dut, residual) == places[shown], where
                    ctx.set(dut.step, cycle in steps)
                    await ctx.tick()

    simulate(dut, bench)
