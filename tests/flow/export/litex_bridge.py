"""Bytes of LiteX's bridge from a stream to Wishbone, and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WRITE, READ = 1, 2
WAIT = 0x100
"""Is no byte: the bench waits here until the results are in memory."""


@dataclass
class Commands:
    """What is sent, and how many bytes come back."""

    sent: list[int] = field(default_factory=list)
    expected: int = 0

    def write(self, address: int, *words: int) -> None:
        """Words to rising addresses."""
        for first in range(0, len(words), 255):
            part = words[first : first + 255]
            self._head(WRITE, len(part), address + 4 * first)
            for word in part:
                self.sent += word.to_bytes(4, "big")

    def read(self, address: int, count: int = 1) -> slice:
        """Reads words from rising addresses; they are ``answers[slice]`` of :func:`words`."""
        begin = self.expected // 4
        for first in range(0, count, 255):
            self._head(READ, min(255, count - first), address + 4 * first)
        self.expected += 4 * count
        return slice(begin, begin + count)

    def wait(self) -> None:
        self.sent.append(WAIT)

    def _head(self, command: int, words: int, address: int) -> None:
        assert address % 4 == 0
        self.sent += [command, words, *(address // 4).to_bytes(4, "big")]


def words(answers: Sequence[int]) -> list[int]:
    """The answered bytes as words."""
    return [int.from_bytes(bytes(answers[first : first + 4]), "big") for first in range(0, len(answers), 4)]


def packed(rows: Sequence[bytes], stride: int) -> list[int]:
    """Samples as they lie in a little-endian memory: byte after byte, each filled up to ``stride``."""
    data = b"".join(row.ljust(stride, b"\xaa") for row in rows)  # what fills up is never read
    return [int.from_bytes(data[first : first + 4], "little") for first in range(0, len(data), 4)]
