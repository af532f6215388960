"""The writes by which a host loads a program and starts the array, for one that can do no more than write a list."""

from __future__ import annotations

from zlib import crc32

from zeroskip.contracts import registers
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.program import Program

PART_BITS = 32


def load_list(program: Program) -> list[tuple[int, int]]:
    """Address and value of every write to the register port: stop, CRC of what follows, all memories, start.

    Words go from address 0, their 32-bit parts from the lowest. Words behind an image are never read, so they are not written.
    """
    layout, parts = Layout(program.config), []
    for memory in layout.memories:
        base = memory.window << layout.window_bits
        for place, word in enumerate(program.images[memory.name]):
            for part in range(memory.parts):
                address = base + place * memory.stride + 4 * part
                parts.append((address, word >> (PART_BITS * part) & ((1 << PART_BITS) - 1)))
    crc = crc32(b"".join(value.to_bytes(4, "little") for _, value in parts))
    return [
        (registers.CONTROL, 0), (registers.EXPECTED_CRC, crc), *parts, (registers.CONTROL, registers.CONTROL_RUN),
    ]  # fmt: skip
