"""Samples as the loader sees them: rows and channels in its memories, beats on the stream, and the writes that come of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.hw.bench import joined

from zeroskip.contracts.layout import Layout


@dataclass(frozen=True)
class Write:
    """lanes : of each element; addresses, data : of those elements that a lane takes, else 0"""

    columns: int
    half: int
    lanes: list[int]
    addresses: list[int]
    data: list[int]


@dataclass(frozen=True)
class Image:
    """What all samples of a stream have alike.

    rows : of each sample of a group, of each row (columns, base)
    owners : of each channel (lanes, offset)
    elements : of a step at most
    by_channel : there is a word for every channel, so that a step may begin at any
    """

    rows: list[list[tuple[int, int]]]
    owners: list[tuple[int, int]]
    width: int
    elements: int
    x_step: int
    by_channel: bool = False

    def words(self, layout: Layout) -> dict[str, list[int]]:
        """By memory."""
        rows = [
            layout.input_row.encode({
                "last": sample is self.rows[-1] and number == len(sample) - 1, "sample_last": number == len(sample) - 1,
                "columns": columns, "base": base, "width": self.width - 1, "channels": len(self.owners) - 1,
                "elements": self.elements - 1, "by_channel": self.by_channel, "x_step": self.x_step,
            })
            for sample in self.rows for number, (columns, base) in enumerate(sample)
        ]  # fmt: skip
        empty = {f"{name}{i}": 0 for i in range(layout.config.load_elements) for name in ("lanes", "offset")}
        channels = []
        for begin in range(0, len(self.owners), 1 if self.by_channel else self.elements):
            step = dict(empty)
            for i, (lanes, offset) in enumerate(self.owners[begin : begin + self.elements]):
                step |= {f"lanes{i}": lanes, f"offset{i}": offset}
            channels.append(layout.channel.encode(step))
        return {"input_rows": rows, "channels": channels}

    def beats(self, layout: Layout) -> int:
        """Of a sample."""
        return -(-len(self.rows[0]) * self.width * len(self.owners) // layout.config.stream_elements)

    def writes(self, layout: Layout, beats: list[list[int]], sample: int, half: int) -> list[Write]:
        """Of the beats that there are, or of as many as a sample has."""
        stream, found, addresses = [byte for beat in beats for byte in beat], [], 1 << layout.operand_bits
        most, beat_size = layout.config.load_elements, layout.config.stream_elements
        at = 0
        for columns, base in self.rows[sample]:
            for cell in range(self.width):
                begin = 0
                while begin < len(self.owners):
                    if at == len(stream):
                        return found
                    count = min(self.elements, len(self.owners) - begin, beat_size - at % beat_size)
                    owners = self.owners[begin : begin + count] + [(0, 0)] * (most - count)
                    places = [(base + cell * self.x_step + offset) % addresses for _, offset in owners]
                    data = stream[at : at + count] + [0] * (most - count)
                    begin, at = begin + count, at + count
                    found.append(Write(
                        columns, half, [lanes for lanes, _ in owners],
                        [p % (1 << layout.half_bit) if lanes else 0 for p, (lanes, _) in zip(places, owners, strict=True)],
                        [byte if lanes else 0 for byte, (lanes, _) in zip(data, owners, strict=True)],
                    ))  # fmt: skip
        return found


def random_image(rng: Random, layout: Layout) -> Image:
    """In strips a row belongs to some columns, else to the sample's. There is a word for every step only where all begin alike in pixels: where
    there is one pixel, or where these have whole steps.
    """
    c = layout.config
    elements = rng.choice([count for count in (1, 2, 4, 8) if count <= c.load_elements])
    height, width = rng.choice([(1, 1), (rng.randint(1, 4), rng.randint(1, 4))])
    by_channel = rng.random() < 0.5
    channels = rng.randint(1, 6) * elements
    if by_channel or (height, width) == (1, 1):
        channels = rng.randint(1, channels)
    addresses = 1 << layout.operand_bits
    rows = [
        [(rng.randrange(1, 1 << c.columns) if c.strips else 1 << sample, rng.randrange(addresses)) for _ in range(height)]
        for sample in range(layout.group_samples)
    ]  # fmt: skip
    owners = [(rng.choice([0, rng.randrange(1, 1 << c.lanes)]), rng.randrange(addresses)) for _ in range(channels)]
    return Image(rows, owners, width, elements, rng.randrange(addresses), by_channel)


@dataclass(frozen=True)
class Sample:
    """beats : elements of each; place : in its group; long, short : it has more beats than a sample, fewer"""

    beats: list[list[int]]
    place: int
    long: bool = False
    short: bool = False

    def word(self, beat: int) -> int:
        return joined(self.beats[beat])


def random_samples(rng: Random, layout: Layout, image: Image, groups: int, wrong: float) -> list[Sample]:
    """``wrong``: how likely a sample is preceded by one that is dropped."""
    count, found = image.beats(layout), []

    def beats(number: int) -> list[list[int]]:
        return [[rng.randrange(256) for _ in range(layout.config.stream_elements)] for _ in range(number)]

    for _ in range(groups):
        for place in range(layout.group_samples):
            while rng.random() < wrong:
                if count > 1 and rng.random() < 0.5:
                    found.append(Sample(beats(rng.randrange(1, count)), place, short=True))
                else:
                    found.append(Sample(beats(count + rng.choice([1, 1, 2, 9])), place, long=True))
            found.append(Sample(beats(count), place))
    return found
