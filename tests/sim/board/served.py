"""A board behind a pseudo-terminal, so that programs open it as a serial port. It is there until the file ``done`` is."""

from __future__ import annotations

import os
import pty
import tty
from contextlib import suppress
from pathlib import Path
from typing import Any

import cocotb
from tests.sim.board.host import POLL, Host

PORT, DONE = "port.txt", "done"


@cocotb.test()
async def serve(dut: Any) -> None:
    host = await Host.open(dut)
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    # The name appears at once or not at all.
    Path(f"{PORT}.part").write_text(os.ttyname(theirs))
    Path(f"{PORT}.part").rename(PORT)
    while not Path(DONE).exists():
        await host.pause(POLL)
        with suppress(BlockingIOError):
            host.source.write_nowait(os.read(ours, 4096))
        if came := host.arrived():
            os.write(ours, came)
