"""Mapped registers, with files in place of devices."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.drivers.mapped import MappedBus


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "mem"
    path.write_bytes(bytes(4 * mmap.PAGESIZE))
    return path


def test_words_are_read_and_written_where_they_belong(memory: Path) -> None:
    """The stretch begins within a page."""
    bus = MappedBus(memory, mmap.PAGESIZE + 0x100, 0x40)
    bus.write(0x08, [0x11223344, 0xFFFFFFFF])
    assert [bus.read(0x08), bus.read(0x0C), bus.read(0x10)] == [0x11223344, 0xFFFFFFFF, 0]
    assert memory.read_bytes()[mmap.PAGESIZE + 0x108 :][:8] == bytes.fromhex("44332211ffffffff")


@pytest.mark.parametrize("address, count", [(2, 1), (-4, 1), (0x40, 1), (0x3C, 2)])
def test_nothing_outside_is_touched(memory: Path, address: int, count: int) -> None:
    bus = MappedBus(memory, 0, 0x40)
    with pytest.raises(
        InputError, match=rf"^{memory}: address must be a multiple of 4 within 0x40 bytes, not {address:#x}$"
    ):
        bus.write(address, [1] * count)
    assert memory.read_bytes() == bytes(4 * mmap.PAGESIZE)


@pytest.mark.parametrize("offset, size", [(2, 8), (-4, 8), (0, 0), (0, 6)])
def test_a_stretch_is_whole_words(memory: Path, offset: int, size: int) -> None:
    with pytest.raises(InputError, match="offset and size must be positive multiples of 4"):
        MappedBus(memory, offset, size)


def test_a_file_that_cannot_be_mapped_is_named(tmp_path: Path, memory: Path) -> None:
    with pytest.raises(InputError, match=rf"^{tmp_path}/none: cannot be mapped: No such file or directory$"):
        MappedBus(tmp_path / "none", 0, 4)
    with pytest.raises(InputError, match=rf"^{memory}: cannot be mapped: "):
        MappedBus(memory, 0, 5 * mmap.PAGESIZE)


@pytest.fixture
def system(tmp_path: Path, memory: Path) -> Path:
    """Two UIO devices; the second has two regions."""
    for number, name in ((0, "timer"), (3, "zeroskip")):
        for region in range(2 if number else 1):
            place = tmp_path / "sys" / f"uio{number}" / "maps" / f"map{region}"
            place.mkdir(parents=True)
            (place / "size").write_text("0x80\n")
        (tmp_path / "sys" / f"uio{number}" / "name").write_text(f"{name}\n")
    memory.rename(tmp_path / "uio3")
    return tmp_path / "sys"


@pytest.mark.parametrize("device", [3, "zeroskip"])
def test_a_uio_device_by_number_or_name(system: Path, tmp_path: Path, device: int | str) -> None:
    bus = MappedBus.uio(device, 1, system=system, devices=tmp_path)
    assert bus.size == 0x80
    bus.write(4, [7])
    assert (tmp_path / "uio3").read_bytes()[mmap.PAGESIZE + 4] == 7


def test_a_uio_device_that_is_not_there(system: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^no UIO device is named 'dma'; there are timer, zeroskip$"):
        MappedBus.uio("dma", system=system, devices=tmp_path)
    with pytest.raises(InputError, match=r"^/dev/uio0: has no region 1: .*size cannot be read$"):
        MappedBus.uio("timer", 1, system=system, devices=tmp_path)


def test_the_driver_loads_without_torch_and_without_pynq() -> None:
    script = (
        "import sys, zeroskip.drivers.device, zeroskip.drivers.mapped, zeroskip.drivers.axi_dma, zeroskip.drivers.files;"
        + ("print([name for name in ('torch', 'pynq', 'amaranth') if name in sys.modules])")
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
