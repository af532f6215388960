"""The five AXI4-Lite channels by themselves: order, speed, and no way from an input to an output within the cycle."""

from __future__ import annotations

import zlib
from random import Random
from typing import Any

import pytest
from tests.hw.bench import layout_of, simulate

from zeroskip.contracts import registers as reg
from zeroskip_hw.control.registers import OKAY, SLVERR, Control

from .test_registers import ANSWER, DECISION

CHANNELS = {
    "aw": ("valid", "ready"),
    "w": ("valid", "ready"),
    "b": ("ready", "valid"),
    "ar": ("valid", "ready"),
    "r": ("ready", "valid"),
}
"""Of each channel what the master drives, and what the slave answers."""


@pytest.mark.parametrize(
    "shares", [dict.fromkeys(CHANNELS, 1.0), *({**dict.fromkeys(CHANNELS, 0.5), name: 0.1} for name in CHANNELS)]
)
@pytest.mark.parametrize("seed", range(3))
def test_channels_by_themselves(shares: dict[str, float], seed: int) -> None:
    """Each runs ahead of the others as far as it may; answers come in order, and no output follows an input within the cycle."""
    rng, count = Random(seed), 60
    layout = layout_of()
    dut, c, memory = Control(layout), layout.config, 1 << layout.window_bits
    writes = [
        (
            rng.choice([reg.CONTROL, reg.CONTROL, reg.ERROR, reg.ID, reg.EXPECTED_CRC, memory]),
            rng.choice([0, rng.getrandbits(32)]),
            rng.choice([15, 15, rng.randrange(16)]),
        )
        for _ in range(count)
    ]
    reads = [rng.choice([reg.ID, reg.CONFIG_ID, reg.SHAPE, reg.LATENCY, 0x40]) for _ in range(count)]
    done: dict[str, list[Any]] = {name: [] for name in CHANNELS}
    when: dict[str, list[int]] = {name: [] for name in CHANNELS}
    run, wanted, crc = False, 0, 0
    expected, starts = [], []
    for address, data, strobes in writes:
        registers = (reg.CONTROL, reg.ERROR, reg.EXPECTED_CRC)
        good = strobes == 15 and (address in registers or (address == memory and not run))
        expected.append(OKAY if good else SLVERR)
        starts.append(good and address == reg.CONTROL and bool(data & 1) and not run)
        if good and address == reg.CONTROL:
            run = bool(data & 1) and (run or crc == wanted)
        elif good and address == reg.EXPECTED_CRC:
            wanted, crc = data, 0
        elif good and address == memory:
            crc = zlib.crc32(data.to_bytes(4, "little"), crc)
    assert any(starts)

    def outputs(ctx: Any) -> tuple[int, ...]:
        return tuple(
            ctx.get(getattr(dut, n))
            for n in ("awready", "wready", "bvalid", "bresp", "arready", "rvalid", "rdata", "rresp", "run")
        )

    async def bench(ctx: Any) -> None:
        drives = dict.fromkeys(CHANNELS, False)
        for cycle in range(5000):
            where = f"cycle {cycle}, seed {seed}"
            for name, (driven, _) in CHANNELS.items():
                # An offer stays until it is taken; readiness may come and go.
                keep = drives[name] and driven == "valid"
                drives[name] = len(done[name]) < count and (keep or rng.random() < shares[name])
            if len(done["aw"]) < count:
                ctx.set(dut.awaddr, writes[len(done["aw"])][0])
            if len(done["w"]) < count:
                ctx.set(dut.wdata, writes[len(done["w"])][1])
                ctx.set(dut.wstrb, writes[len(done["w"])][2])
            if len(done["ar"]) < count:
                ctx.set(dut.araddr, reads[len(done["ar"])])
            before = None
            for tried in (*([bool(number >> i & 1) for i in range(5)] for number in range(32)), list(drives.values())):
                for (name, (driven, _)), value in zip(CHANNELS.items(), tried, strict=True):
                    ctx.set(getattr(dut, name + driven), value)
                assert before is None or outputs(ctx) == before, f"an output follows an input, {where}"
                before = outputs(ctx)
            for name, (_, answered) in CHANNELS.items():
                if drives[name] and ctx.get(getattr(dut, name + answered)):
                    payload = {"b": lambda: ctx.get(dut.bresp), "r": lambda: (ctx.get(dut.rdata), ctx.get(dut.rresp))}
                    done[name].append(payload.get(name, lambda: None)())
                    when[name].append(cycle)
                    drives[name] = False
            if all(len(found) == count for found in done.values()):
                break
            await ctx.tick()
        assert done["b"] == expected, f"seed {seed}"
        values = {
            reg.ID: reg.ID_RESET,
            reg.CONFIG_ID: c.digest,
            reg.SHAPE: c.lanes | c.columns << 8 | c.word << 16 | c.weight_bits << 24,
            reg.LATENCY: 0,
        }
        assert done["r"] == [(values[a], OKAY) if a in values else (0, SLVERR) for a in reads], f"seed {seed}"
        for answer, requests in (("b", ("aw", "w")), ("r", ("ar",))):
            for i in range(count):
                taken = max(when[name][i] for name in requests)
                earliest = max(taken + ANSWER, when[answer][i - 1] + 1 if i else 0)
                assert when[answer][i] >= earliest, f"seed {seed}"
        if set(shares.values()) == {1.0}:
            # A transfer every two cycles. A start is answered later, and with it what waits behind: the next request is taken meanwhile.
            begun = {"aw": -1, "w": -1, "b": 1, "ar": None, "r": None}
            for name, ahead in begun.items():
                late = [0 if ahead is None else DECISION * sum(starts[: max(0, i + ahead)]) for i in range(count)]
                assert when[name] == [when[name][0] + 2 * i + late[i] - late[0] for i in range(count)], name

    simulate(dut, bench)
