"""Monitors that watch a handshake on every clock edge and fail the test that breaks its rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cocotb.triggers import RisingEdge


async def watch_handshake(dut: Any, prefix: str, payload: Sequence[str], interrupted: Callable[[], bool]) -> None:
    """What the DUT offers stays as it is, TVALID included, until it is taken (AMBA AXI4-Stream 2.2.1, AXI A3.2.1).

    prefix : with ``valid``, ``ready`` and each of ``payload`` it gives the ports
    interrupted : whether reset or the end of the run may break the offer off
    """
    valid, ready = getattr(dut, f"{prefix}valid"), getattr(dut, f"{prefix}ready")
    signals = {name: getattr(dut, f"{prefix}{name}") for name in payload}
    offered: dict[str, int] | None = None
    while True:
        await RisingEdge(dut.clk)
        if interrupted():
            offered = None
            continue
        now = {name: int(signal.value) for name, signal in signals.items()} if valid.value else None
        assert offered is None or now == offered, f"{prefix}valid: offered {offered}, then {now} before it was taken"
        offered = None if ready.value else now
