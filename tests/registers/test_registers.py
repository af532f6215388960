"""RTL and register map agree on every register's reset value, access and side effect; what is made from the map is up to date."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from systemrdl.node import FieldNode, RegNode
from tests.hw.bench import FULL, layout_of
from tests.hw.control.test_registers import Master, bench_of
from tests.registers.generate import ROOT, compiled, generated

from zeroskip.contracts.layout import Layout
from zeroskip.contracts.timing import longest_silence
from zeroskip_hw.control.registers import OKAY, SLVERR, Control

ALL = 0xFFFFFFFF
INPUTS = {
    "STATUS.READY": "ready", "STATUS.BUSY": "busy", "LATENCY.CYCLES": "latency", "INTERVAL.CYCLES": "interval", "GROUPS.COUNT": "groups",
    "LAYER_CYCLES.CYCLES": "layer_cycles", "ERROR.EARLY_LAST": "early_last", "ERROR.LATE_LAST": "late_last", "ERROR.WATCHDOG": "expired",
}  # fmt: skip
"""The inputs of the RTL that fields show."""
CAUSED = {"STATUS.RUNNING", "ERROR.LOAD_WHILE_RUNNING", "ERROR.ADDRESS", "ERROR.CRC", "LOAD_CRC.VALUE"}
"""Fields that the registers' own hardware writes. The tests of the registers cause each."""


def map_of(layout: Layout) -> list[RegNode]:
    c = layout.config
    shape = c.lanes | c.columns << 8 | c.word << 16 | c.weight_bits << 24
    top = compiled(config_id=c.digest, shape=shape, watchdog=longest_silence(c), layers=c.layer_depth)
    return list(top.registers(unroll=True))


def reset_of(register: RegNode) -> int:
    return sum((field.get_property("reset") or 0) << field.low for field in register.fields())


def bits(fields: list[FieldNode]) -> int:
    return sum(((1 << field.width) - 1) << field.low for field in fields)


def name_of(field: FieldNode) -> str:
    return f"{field.parent.inst_name}.{field.inst_name}"


@pytest.mark.parametrize("options", [{"layer_depth": 5}, {"lanes": 3, "columns": 16, **FULL, "layer_depth": 64}])
def test_reset_values(options: dict[str, Any]) -> None:
    """Of every register; and whatever the map does not have is no register."""
    layout = layout_of(**options)
    registers = {node.absolute_address: node for node in map_of(layout)}

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for address in range(0, 0x200, 4):
            expected = (reset_of(registers[address]), OKAY) if address in registers else (0, SLVERR)
            assert await master.read(ctx, address) == expected, hex(address)

    bench_of(layout, body)


def test_access_and_side_effects_of_writes() -> None:
    """Fields that software may write keep what is written, or clear where ones are written; all others are refused and stay."""
    layout, rng = layout_of(layer_depth=5), Random(1)
    registers = map_of(layout)

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for node in registers:
            where, before = node.inst_name, reset_of(node)
            fields = list(node.fields())
            kept = bits([f for f in fields if f.is_sw_writable and f.get_property("onwrite") is None])
            cleared = bits([f for f in fields if f.is_sw_writable and f.get_property("onwrite") is not None])
            assert not kept & cleared
            for value in (ALL, 0, rng.getrandbits(32), before):
                for strobes in (0b0111, 0b1110):
                    assert await master.write(ctx, node.absolute_address, value ^ ALL, strobes) == SLVERR, where
                answer = await master.write(ctx, node.absolute_address, value)
                assert answer == (OKAY if kept | cleared else SLVERR), where
                now = (before & ~kept | value & kept) & ~(value & cleared)
                assert await master.read(ctx, node.absolute_address) == (now, OKAY), f"{where} after {value:#x}"
                before = now
            if not kept | cleared:  # noticed, and cleared again
                assert await master.errors(ctx) == 1 << field_of(registers, "ERROR.ADDRESS").low, where
                assert await master.write(ctx, 0x18, ALL) == OKAY

    bench_of(layout, body)


def field_of(registers: list[RegNode], name: str) -> FieldNode:
    return next(field for node in registers for field in node.fields() if name_of(field) == name)


def test_what_the_hardware_shows() -> None:
    """Each field that the hardware writes shows its input, on its bits and no others; those of ERROR stay until a one is written to them."""
    layout, rng = layout_of(layer_depth=5), Random(2)
    registers = map_of(layout)
    written = {
        name_of(f)
        for node in registers
        for f in node.fields()
        if f.is_hw_writable and f.get_property("sw").name != "rw"
    }
    sticky = {name_of(f) for node in registers for f in node.fields() if f.get_property("onwrite") is not None}
    assert written | sticky == set(INPUTS) | CAUSED

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for node in registers:
            for field in node.fields():
                if (source := INPUTS.get(name_of(field))) is None:
                    continue
                value = rng.getrandbits(field.width) | 1
                ctx.set(getattr(dut, source), value)
                await master.step(ctx)
                rest = (await master.read(ctx, node.absolute_address))[0] & ~bits([field])
                assert await master.read(ctx, node.absolute_address) == (rest | value << field.low, OKAY), name_of(
                    field
                )
                ctx.set(getattr(dut, source), 0)
                await master.step(ctx)
                stays = name_of(field) in sticky
                assert await master.read(ctx, node.absolute_address) == (rest | stays << field.low, OKAY), name_of(
                    field
                )
                if stays:
                    for number in range(6):
                        held = field.low != number
                        assert await master.write(ctx, node.absolute_address, 1 << number) == OKAY
                        if number >= field.low:
                            break
                        assert await master.read(ctx, node.absolute_address) == (rest | held << field.low, OKAY)
                    assert await master.read(ctx, node.absolute_address) == (rest, OKAY), name_of(field)

    bench_of(layout, body)


def test_a_write_of_the_expected_crc_begins_the_crc_anew() -> None:
    """The side effect that the map states with ``swmod``."""
    layout = layout_of()
    registers = map_of(layout)
    modified = [node for node in registers for field in node.fields() if field.get_property("swmod")]
    assert [node.inst_name for node in modified] == ["EXPECTED_CRC"]
    crc = next(node.absolute_address for node in registers if node.inst_name == "LOAD_CRC")
    memory = layout.memories[0].window << layout.window_bits

    async def body(ctx: Any, dut: Control, master: Master) -> None:
        for _ in range(2):
            assert await master.write(ctx, memory, 0x12345678) == OKAY
            assert (await master.read(ctx, crc))[0] != 0
            assert await master.write(ctx, modified[0].absolute_address, 5, 0b0111) == SLVERR
            assert (await master.read(ctx, crc))[0] != 0
            assert await master.write(ctx, modified[0].absolute_address, 5) == OKAY
            for _ in range(2):
                await master.step(ctx)
            assert (await master.read(ctx, crc))[0] == 0

    bench_of(layout, body)


@pytest.mark.parametrize("path", sorted(generated()))
def test_what_is_made_from_the_map_is_up_to_date(path: str) -> None:
    assert Path(ROOT / path).read_text() == generated()[path], f"{path}: run make registers"
