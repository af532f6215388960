"""TensorFlow checkpoints (variables.index, variables.data-00000-of-00001), read without TensorFlow.

The index is a sorted table in the form of LevelDB: blocks of entries whose keys leave out what they share with the key before. Its
last block but the footer lists the others. Each value says where a tensor lies in the data file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.data.contents import Array
from tests.data.convert.messages import messages
from tests.data.failures import RefusedError

FOOTER, MAGIC = 48, 0xDB4775248B80FB57
FLOAT = 1

SCHEMA = messages(
    "checkpoint",
    Entry={"dtype": (1, "int32"), "shape": (2, "Shape"), "offset": (4, "int64"), "size": (5, "int64")},
    Shape={"dim": (2, "Dim*")},
    Dim={"size": (1, "int64")},
)


def checkpoint(index: Path, data: Path) -> Iterator[Array]:
    """Every float tensor."""
    table, values = index.read_bytes(), data.read_bytes()
    if len(table) < FOOTER or int.from_bytes(table[-8:], "little") != MAGIC:
        raise RefusedError(f"{index.name} is no table of a TensorFlow checkpoint")
    footer = table[-FOOTER:]
    _, place = _varint(footer, 0)
    _, place = _varint(footer, place)  # so far the place of the block of metadata, which nobody needs
    for _, handle in _block(table, footer[place:]):
        for key, entry in _block(table, handle):
            if key:  # the empty key holds the header
                tensor = SCHEMA["Entry"].FromString(entry)
                if tensor.dtype == FLOAT:
                    shape = [dim.size for dim in tensor.shape.dim]
                    stored = values[tensor.offset : tensor.offset + tensor.size]
                    yield np.frombuffer(stored, "<f4").reshape(shape)


def _block(table: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the block at the offset and of the size that the handle holds."""
    offset, after = _varint(handle, 0)
    size, _ = _varint(handle, after)
    if table[offset + size]:
        raise RefusedError("the index of a TensorFlow checkpoint is compressed")
    block = table[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    end, place, key = size - 4 * (restarts + 1), 0, b""
    while place < end:
        shared, place = _varint(block, place)
        unshared, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """An integer in groups of seven bits, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place
