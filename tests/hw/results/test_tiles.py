"""The raster of tiles against the bands that it walks through."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, load, simulate

from zeroskip.contracts.layout import BAND_POSITIONS, Layout
from zeroskip_hw.results.tiles import Tiles

START_TO_PLACE = 3


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
    last_tile: bool


def random_layers(rng: Random, layout: Layout, number: int) -> list[Layer]:
    c, layers, first = layout.config, [], 0
    for _ in range(number):
        bands = []
        count = rng.choice([1, 2, rng.randint(1, 5)])
        for i in range(count):
            lists = {
                f"{place}_{what}": value
                for place in BAND_POSITIONS
                for what, value in (
                    ("begin", rng.randrange(c.pass_depth)),
                    ("more", rng.choice([0, 1, 255, rng.randrange(256)])),
                )
            }
            bands.append({"last": i == count - 1, "residual": rng.getrandbits(layout.store_bits), **lists})
        steps = rng.getrandbits(layout.store_bits), rng.getrandbits(layout.store_bits)
        layers.append(Layer(bands, first, rng.choice([0, 1, 2, rng.randrange(8)]), *steps))
        first += count
    return layers


def places_of(layer: Layer, addresses: int) -> list[Place]:
    places = []
    for band in layer.bands:
        for x in range(layer.width + 1):
            name = "first" if x == 0 else "last" if x == layer.width else "middle"
            places.append(
                Place(
                    band[f"{name}_begin"], band[f"{name}_more"], x * layer.write_step % addresses,
                    (band["residual"] + x * layer.residual_step) % addresses, bool(band["last"]) and x == layer.width,
                )
            )  # fmt: skip
    return places


def shown(ctx: Any, dut: Tiles, residual: bool) -> Place:
    place = dut.place
    values = (ctx.get(value) for value in (place.begin, place.more, place.write))
    found = Place(*values, ctx.get(place.residual) if residual else 0, bool(ctx.get(dut.last_tile)))
    assert ctx.get(dut.hold) == found.more
    return found


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_places_in_order(residual: bool, share: float, seed: int) -> None:
    """Each is announced once, when it is there; then it stays until it is collected, two cycles later or more."""
    rng = Random(seed)
    layout = layout_of(strips=True, residual=residual, band_depth=30, pass_depth=60)
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
        for _ in range(1, START_TO_PLACE):
            assert ctx.get(dut.place.fresh) == 0
            await ctx.tick()

    async def bench(ctx: Any) -> None:
        words = [layout.band.encode({name: band[name] for name in fields}) for layer in layers for band in layer.bands]
        await load(ctx, dut.load, layout, "bands", words)
        for group in range(2):
            for number, layer in enumerate(layers):
                await begin(ctx, layer)
                for tile, place in enumerate(places_of(layer, 1 << layout.store_bits)):
                    where = f"group {group}, layer {number}, tile {tile}, seed {seed}"
                    expected = place if residual else Place(place.begin, place.more, place.write, 0, place.last_tile)
                    assert ctx.get(dut.place.fresh) == 1, where
                    assert shown(ctx, dut, residual) == expected, where
                    waits = 0
                    while waits < 1 or rng.random() >= share:
                        await ctx.tick()
                        assert ctx.get(dut.place.fresh) == 0, where
                        assert shown(ctx, dut, residual) == expected, where
                        waits += 1
                    ctx.set(dut.step, 1)
                    await ctx.tick()
                    ctx.set(dut.step, 0)
                for _ in range(4):
                    assert ctx.get(dut.place.fresh) == 0, "nothing is announced behind the layer's last tile"
                    await ctx.tick()

    simulate(dut, bench)
