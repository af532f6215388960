"""Layers of one lane as a plain model: rows of bits in one stream, and the strips that they read."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from zeroskip.contracts.layout import Layout


@dataclass(frozen=True)
class Share:
    """What a lane has of a layer. n : bits of a row; rows : of every row in which the lane has a weight, its bits; tiles : of the layer.

    form : how its mask is stored; "dense" is for rows that have all bits
    """

    n: int
    rows: list[list[int]]
    tiles: int = 1
    form: str = "bitmap"

    @property
    def stream(self) -> list[int]:
        """Positions of the weights, row after row."""
        return [number * self.n + bit for number, row in enumerate(self.rows) for bit in row]

    def words(self, width: int) -> list[int]:
        """The words of bits; behind the last weight there is none."""
        positions = self.stream
        words = [0] * (positions[-1] // width + 1 if positions else 0)
        for position in positions:
            words[position // width] |= 1 << position % width
        return words

    def stored(self, width: int) -> list[int]:
        """What the mask memory holds of it."""
        words = self.words(width)
        if self.form == "bitmap":
            return words
        if self.form == "dense":
            return words[-1:]
        return _two_levels(words, width)


def _two_levels(words: list[int], width: int) -> list[int]:
    """Words of flags, one for each leaf of four bits. A word of leaves follows the flags of the leaf that is its first."""
    found, at, room = list[int](), 0, 0
    for begin in range(0, len(words), 4):
        leaves = [word >> (4 * i) & 15 for word in words[begin : begin + 4] for i in range(width // 4)]
        found.append(sum(1 << i for i, leaf in enumerate(leaves) if leaf))
        for leaf in filter(None, leaves):
            if not room:
                found.append(0)
                at, room = len(found) - 1, width // 4
            found[at] |= leaf << (width - 4 * room)
            room -= 1
    return found


def random_share(rng: Random, most_bits: int = 40, most_rows: int = 8, *, two_level: bool = False) -> Share:
    """Dense, sparse or with a single weight in a row; now and then nothing at all. ``two_level``: its mask may be stored so."""
    n = rng.choice([1, 2, rng.randint(1, most_bits), most_bits])
    count = rng.choice([0, 1, 1, rng.randint(1, most_rows)])
    density = rng.choice([0.03, 0.3, 1.0])
    rows = [[i for i in range(n) if rng.random() < density] or [rng.randrange(n)] for _ in range(count)]
    form = rng.choice(["bitmap", "dense" if count and all(len(row) == n for row in rows) else "bitmap"])
    if two_level and rng.random() < 0.7:
        form = "two-level"
    return Share(n, rows, rng.choice([1, 1, 2, rng.randint(1, 5)]), form)


def mask_memory(layout: Layout, shares: list[Share]) -> list[int]:
    """Headers and words of one group."""
    width, memory = layout.config.word, list[int]()
    for number, share in enumerate(shares):
        stored = share.stored(width)
        read = len(share.words(width)) if share.form == "dense" else len(stored)
        header = layout.header.encode({
            "last": number == len(shares) - 1, "empty": not read, "dense": share.form == "dense", "packed": share.form == "two-level",
            "single": read == 1, "before_last": max(0, read - 2), "tiles": share.tiles - 1 if read else 0,
        })  # fmt: skip
        memory += [header >> (width * i) & ((1 << width) - 1) for i in range(layout.header_words)] + stored
    return memory


@dataclass(frozen=True)
class Token:
    """A bit on its way through the pipeline, or with no ``weight`` a layer without one. position : in the stream"""

    weight: bool
    tile_end: bool
    layer_end: bool
    position: int = 0


def tokens_of(shares: list[Share]) -> list[Token]:
    """What one group sends down the pipeline."""
    tokens = []
    for share in shares:
        stream = share.stream
        if not stream:
            tokens.append(Token(False, True, True))
            continue
        for tile in range(share.tiles):
            for number, position in enumerate(stream):
                ends = number == len(stream) - 1
                tokens.append(Token(True, ends, ends and tile == share.tiles - 1, position))
    return tokens


def strip_constants(layout: Layout, height: int, last: int, used: int, strip: int) -> dict[str, int]:
    """Of a source with ``used`` strips of ``height`` rows, the last with ``last``; ``strip`` : addresses of a strip."""
    pixels, addresses = 1 << layout.config.pixel_bits, 1 << layout.operand_bits
    constants = {
        "height": height, "last_height": last, "above_height": (last - height) % pixels, "both_heights": height + last,
        "strip": strip, "used": (1 << used) - 1, "full": (1 << (used - (last < height))) - 1,
    }  # fmt: skip
    for level in range(layout.far_levels):
        distance = 3 ** (layout.far_levels - level)
        constants |= {
            f"far_low{level}": -(distance // 2) * height % pixels, f"far_high{level}": (distance // 2 + 1) * height,
            f"far_height{level}": distance * height, f"far_strip{level}": distance * strip % addresses,
        }  # fmt: skip
    return constants


def strip_of(layout: Layout, constants: dict[str, int], row: int) -> tuple[int, int]:
    """Columns down to the strip that has ``row``, and a bit for each column whose strip has it."""
    most = (3 ** (layout.far_levels + 1) - 1) // 2
    down = max(-most, min(most, row // constants["height"]))
    own = row - down * constants["height"]
    return down, constants["full" if own >= constants["last_height"] else "used"]
