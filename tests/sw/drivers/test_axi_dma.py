"""Streams over an AXI DMA, on a model of its registers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sw.drivers.dma_model import AxiDmaModel, Memory

from zeroskip.contracts.errors import DeviceError, InputError
from zeroskip.drivers.axi_dma import AxiDma, UdmaBuffer


def turned(sample: bytes) -> bytes:
    return sample[::-1][:10]


def test_samples_go_out_and_results_come_in() -> None:
    memory = Memory(256)
    dma = AxiDma(AxiDmaModel(memory, turned), memory)
    for sample in (bytes(range(70)), bytes(range(100, 113))):
        assert dma.transfer(sample, 10) == sample[::-1][:10]


@pytest.mark.parametrize(
    "always, expected",
    [
        (AxiDmaModel.SCATTER_GATHER, "AXI DMA, MM2S: must be configured without scatter-gather"),
        (AxiDmaModel.HALTED, "AXI DMA, MM2S: does not start"),
        (AxiDmaModel.DECODE, "AXI DMA, MM2S: decode error: buffer address or width is wrong"),
    ],
)
def test_a_dma_that_is_not_as_it_must_be(always: int, expected: str) -> None:
    model = AxiDmaModel(Memory(64), turned)
    model.always = always
    with pytest.raises((InputError, DeviceError)) as refused:
        AxiDma(model, model.memory, polls=3)
    assert str(refused.value) == expected


@pytest.mark.parametrize(
    "answer, expected",
    [
        (b"", "AXI DMA, S2MM: the array gives no result"),
        (b"abc", "AXI DMA: the result has 3 bytes, not 10"),
        (bytes(11), "AXI DMA, S2MM: internal error: buffer address or width is wrong"),
    ],
)
def test_results_of_a_wrong_length(answer: bytes, expected: str) -> None:
    memory = Memory(256)
    dma = AxiDma(AxiDmaModel(memory, lambda sample: answer), memory, polls=3)
    with pytest.raises(DeviceError) as refused:
        dma.transfer(bytes(20), 10)
    assert str(refused.value) == expected
    dma.reset()


def test_samples_that_do_not_fit() -> None:
    memory = Memory(100)
    with pytest.raises(InputError, match=r"^AXI DMA: the buffer must have 138 bytes, not 100$"):
        AxiDma(AxiDmaModel(memory, turned), memory).transfer(bytes(100), 10)
    with pytest.raises(InputError, match=r"^AXI DMA: samples must have 1 … 63 bytes, not 64 and 10$"):
        AxiDma(AxiDmaModel(memory, turned), memory, length_bits=6).transfer(bytes(64), 10)


def test_a_buffer_of_u_dma_buf(tmp_path: Path) -> None:
    (tmp_path / "udmabuf0").mkdir()
    (tmp_path / "udmabuf0" / "phys_addr").write_text("0x000000001e000000\n")
    (tmp_path / "udmabuf0" / "size").write_text("4096\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "udmabuf0").write_bytes(bytes(4096))
    buffer = UdmaBuffer("udmabuf0", system=tmp_path, devices=tmp_path / "dev")
    assert buffer.address == 0x1E000000
    buffer.data[5:8] = b"abc"
    assert (tmp_path / "dev" / "udmabuf0").read_bytes()[5:8] == b"abc"
    with pytest.raises(InputError, match=r"/udmabuf1: is no buffer of u-dma-buf: .*No such file"):
        UdmaBuffer("udmabuf1", system=tmp_path, devices=tmp_path / "dev")
