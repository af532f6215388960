"""Random damage: to JSON values, bytes, tensors and words of a command line. Everything follows from the generator that is given."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 7, 64, 255, 65536, 10**9, -(10**12), 1.5, -0.0, 1e300, "", "x", "../x", "0", "é" * 9, [], [0], [1, 1],
    [-3, 2, 1], {}, {"a": 1}, [[[]]],
]  # fmt: skip


def damaged_json(rng: random.Random, value: Any) -> Any:
    """A copy with one to three changes anywhere: a value replaced, moved, doubled, a key lost or added."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        holders = list(_holders(value))
        if not holders:
            return rng.choice(VALUES)
        holder = rng.choice(holders)
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        kind = rng.randrange(5)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[rng.choice(["", "extra", f"{key}2"])] = rng.choice(VALUES)
        elif kind == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif kind == 3 and isinstance(holder[key], int) and not isinstance(holder[key], bool):
            holder[key] += rng.choice([-1, 1, 8, 1000])
        else:
            holder[key] = rng.choice(VALUES)
    return value


def _holders(value: Any) -> Any:
    if isinstance(value, (dict, list)) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _holders(inner)


def damaged_bytes(rng: random.Random, data: bytes) -> bytes:
    """Flipped, cut, doubled, filled or replaced."""
    kind = rng.randrange(6)
    if kind == 0 or not data:
        return rng.randbytes(rng.randint(0, 200))
    at = rng.randrange(len(data))
    if kind == 1:
        return data[:at]
    if kind == 2:
        return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
    if kind == 3:
        return data[:at] + rng.randbytes(rng.randint(1, 20)) + data[at:]
    if kind == 4:
        return data + data[:at]
    return data[:at] + b"\x00" * rng.randint(1, 50) + data[at + 1 :]


def random_array(rng: random.Random) -> Any:
    """Of any type and shape, useful or not."""
    shape = rng.choice(
        [(), (0,), (3,), (20,), (20, 6), (20, 7), (0, 6), (1, 6), (20, 1, 6), (20, 2, 3), (8, 6), (3, 8)]
    )
    generator = np.random.default_rng(rng.randrange(1 << 30))
    kind = rng.randrange(8)
    if kind == 0:
        return generator.integers(-3, 9, size=shape)
    if kind == 1:
        return generator.random(shape) < 0.5
    if kind == 2:
        return np.full(shape, np.nan)
    if kind == 3:
        return np.full(shape, np.inf, dtype=np.float32)
    if kind == 4:
        return generator.normal(size=shape).astype(np.complex64)
    if kind == 5:
        return np.full(shape, "text")
    if kind == 6:
        return np.zeros(shape, dtype=np.float16)
    return generator.normal(size=shape).astype(np.float32) * 10.0 ** rng.randint(-30, 30)
