"""A flipped bit anywhere in any image is caught by the hardware: it does not start, and says why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.flow.drivers.model import server
from tests.flow.drivers.simulated import Simulated
from tests.flow.drivers.test_python_driver import small

from zeroskip.contracts import registers as reg
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import DeviceError
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.device import Device

pytestmark = pytest.mark.verilator

CORRUPTIONS = 1000


class Damaging:
    """A bus on which ``bit`` of the value written to ``address`` is flipped on the way."""

    def __init__(self, board: Simulated) -> None:
        self._board, self.read = board, board.read
        self.address, self.bit = -1, 0

    def write(self, address: int, values: Sequence[int]) -> None:
        at = (self.address - address) // 4
        if 0 <= at < len(values):
            values = [*values[:at], values[at] ^ 1 << self.bit, *values[at + 1 :]]
        self._board.write(address, values)


@pytest.mark.slow
def test_every_single_bit_corruption_of_an_image_is_refused() -> None:
    """A thousand different ones, over every memory, word and bit; after each the array holds still and takes a whole image."""
    design, x = small(ArrayConfig(lanes=2, columns=2, word=8, stream_bits=16), images=True)
    payload = Payload.of(design)
    layout = payload.layout
    bits = [
        (memory.name, (memory.window << layout.window_bits) + word * memory.stride + 4 * (bit // 32), bit % 32)
        for memory in layout.memories for word in range(len(payload.images[memory.name])) for bit in range(memory.width)
    ]  # fmt: skip
    chosen = [bits[i] for i in np.random.default_rng(7).permutation(len(bits))[:CORRUPTIONS]]
    assert len(chosen) == CORRUPTIONS
    assert {name for name, _, _ in chosen} == {memory.name for memory in layout.memories}
    with Simulated(server(design.config)) as board:
        bus = Damaging(board)
        device = Device(bus, board)
        device.reload(design)
        device.run(x[:1])
        device.stop()
        for name, bus.address, bus.bit in chosen:
            where = f"{name}, address {bus.address:#x}, bit {bus.bit}"
            with pytest.raises(DeviceError, match="the images arrived damaged"):
                device.load(design)
            with pytest.raises(
                DeviceError, match=r"^the array refuses to start: its images are damaged \(ERROR.CRC\)$"
            ):
                device.start()
            assert device.errors() == ("CRC",), where
            assert board.read(reg.STATUS) == 0, where
            assert device.counters().groups == 0, where
        bus.address = -1
        board.patience = 500
        with pytest.raises(DeviceError, match=r"^0 of 1 results came$"):  # its streams are idle
            board.transfer(payload.input.to_bytes(payload.input.quantize(x[:1]))[0], payload.output.size)
        board.patience = 100_000
        device.load(design)
        device.start()
        assert np.array_equal(device.run(x), design.reference(x))
