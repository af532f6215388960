"""Memory images: read(write(x)) == x, fixed bytes, refusals, and a simulator that really reads a .mem."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.storage.images import FORMATS, read, write


@st.composite
def images(draw: st.DrawFn) -> tuple[int, list[int]]:
    width = draw(st.one_of(st.integers(1, 128), st.sampled_from([1, 7, 8, 9, 32, 64, 127, 128])))
    return width, draw(st.lists(st.integers(0, 2**width - 1), min_size=1, max_size=60))


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=60)
@given(image=images())
def test_round_trip(format: str, image: tuple[int, list[int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    width, words = image
    path = tmp_path_factory.getbasetemp() / f"image.{format}"
    write(path, words, width)
    first = path.read_bytes()
    assert read(path, width) == words
    write(path, words, width, format)
    assert path.read_bytes() == first
    assert format == "bin" or (b"\r" not in first and first.endswith(b"\n"))


@pytest.mark.parametrize("format", FORMATS)
def test_long_image_of_numpy_words(format: str, tmp_path: Path) -> None:
    words = np.random.default_rng(1).integers(0, 2**32, 20_000, dtype=np.uint64)  # 80 kB: past one HEX segment
    write(tmp_path / f"a.{format}", words, 32)
    assert read(tmp_path / f"a.{format}", 32) == words.tolist()
    assert [entry.name for entry in tmp_path.iterdir()] == [f"a.{format}"]


@pytest.mark.parametrize("format", ["mem", "hex", "bin"])
def test_empty_image(format: str, tmp_path: Path) -> None:
    write(tmp_path / f"a.{format}", [], 8)
    assert read(tmp_path / f"a.{format}", 8) == []


@pytest.mark.parametrize(
    "format, content",
    [
        ("mem", b"@0\n001\n1ff\n"),
        ("hex", b":040000000100FF01FB\n:00000001FF\n"),
        ("coe", b"memory_initialization_radix=16;\nmemory_initialization_vector=\n001,\n1ff;\n"),
        ("mif", b"WIDTH=9;\nDEPTH=2;\nADDRESS_RADIX=HEX;\nDATA_RADIX=HEX;\nCONTENT BEGIN\n0 : 001;\n1 : 1ff;\nEND;\n"),
        ("bin", b"\x01\x00\xff\x01"),
    ],
)
def test_exact_bytes(format: str, content: bytes, tmp_path: Path) -> None:
    write(tmp_path / f"a.{format}", [1, 0x1FF], 9)
    assert (tmp_path / f"a.{format}").read_bytes() == content


@pytest.mark.parametrize(
    "format, content",
    [
        ("mem", b"// an image\r\n01 FF // two\r\n\r\n@2 0_3\r\n"),
        ("hex", b":0200000001FFFE\r\n:01000200 03FA\r\n:00000001FF\r\n".replace(b" ", b"")),
        ("coe", b"; head\nMemory_Initialization_Radix = 10;\nmemory_initialization_vector = 1, 255,\n 3\n;\n; end\n"),
        (
            "mif",
            b"-- head\nDEPTH = 3;\nWIDTH = 8;\nADDRESS_RADIX=UNS;\nDATA_RADIX=BIN;\nCONTENT\tBEGIN\n"
            b"0 : 1 11111111; % two %\n[2..2] : 11;\nEND;\n",
        ),
    ],
)
def test_liberties_of_the_formats(format: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / f"a.{format}").write_bytes(content)
    assert read(tmp_path / f"a.{format}", 8) == [1, 255, 3]


def test_mif_range(tmp_path: Path) -> None:
    (tmp_path / "a.mif").write_text("WIDTH=8;\nDEPTH=4;\nCONTENT BEGIN\n[0..2] : 5 6;\n3 : 7;\nEND;\n")
    assert read(tmp_path / "a.mif", 8) == [5, 6, 5, 7]


MIF = "WIDTH=8;\nDEPTH=2;\nCONTENT BEGIN\n"
COE = "memory_initialization_radix=16;\nmemory_initialization_vector=\n"


@pytest.mark.parametrize(
    "format, content, message",
    [
        ("mem", b"@0\n0x\n", r":2: must be a hexadecimal number, not '0x'$"),
        ("mem", b"@0\n100\n", r":2: must fit 8 bits, not '100'$"),
        ("mem", b"@0\n01\n@4\n02\n", r":3: address must go on at 0x1, not 0x4$"),
        ("mem", b"@0\n-1\n", r":2: must be a hexadecimal number, not '-1'$"),
        ("mem", b"\xff\xfe", r":1: must be ASCII text$"),
        ("hex", b"", r":1: must end with an end-of-file record$"),
        ("hex", b":0100000001FE\n", r":1: must end with an end-of-file record$"),
        ("hex", b":0100000001FF\n:00000001FF\n", r":1: must be an Intel HEX record: its checksum must agree$"),
        ("hex", b"\n01\n", r":2: must be an Intel HEX record: a colon, then .*$"),
        ("hex", b":0100010001FD\n:00000001FF\n", r":1: address must go on at 0x0, not 0x1$"),
        ("hex", b":00000001FF\n:0100000001FE\n", r":2: nothing may follow the end-of-file record$"),
        ("coe", b"01,\n02;\n", r":1: must be a radix, then one vector that ends with ';', not '01,'$"),
        ("coe", COE.encode() + b"01,\n02\n", r":4: the vector must end with ';'$"),
        ("coe", COE.encode() + b"01;\n02\n", r":4: must be a radix, then one vector .*$"),
        ("coe", COE.encode() + b"1g;\n", r":3: must be a hexadecimal number, not '1g'$"),
        ("coe", b"memory_initialization_radix=8;\n", r":1: radix must be 2, 10 or 16, not 8$"),
        ("mif", b"WIDTH=9;\nDEPTH=2;\nCONTENT BEGIN\n", r":3: WIDTH must be 8, not 9$"),
        ("mif", MIF.encode() + b"0 : 1;\n", r":4: must hold DEPTH=2 words and END;, found 1 words$"),
        ("mif", MIF.encode() + b"1 : 1;\n", r":4: address must go on at 0x0, not 0x1$"),
        ("mif", MIF.encode() + b"0 : 1 2 3;\n", r":4: addresses must rise and stay below DEPTH, 2$"),
        ("mif", MIF.encode() + b"[0..7] : 1;\n", r":4: addresses must rise and stay below DEPTH, 2$"),
        ("mif", MIF.encode() + b"zero\n", r":4: must be a content line of a \.mif file, not 'zero'$"),
        ("mif", b"DATA_RADIX=B64;\n" + MIF.encode(), r":4: DATA_RADIX must be one of BIN, .*, not B64$"),
    ],
)
def test_malformed_file(format: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as refused:
        read(path, 8)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_malformed_bin(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x01\x00\xff")
    with pytest.raises(ImageError, match=r"a\.bin: word 1: must have 2 bytes, not 1$"):
        read(tmp_path / "a.bin", 9)
    (tmp_path / "a.bin").write_bytes(b"\x01\x00\xff\xff")
    with pytest.raises(ImageError, match=r"a\.bin: word 1: must fit 9 bits, not 0xffff$"):
        read(tmp_path / "a.bin", 9)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"absent\.mem: cannot be read: No such file"):
        read(tmp_path / "absent.mem", 8)
    with pytest.raises(InputError, match=r"cannot be written: No such file"):
        write(tmp_path / "absent" / "a.mem", [1], 8)
    with pytest.raises(InputError, match=r"image format must be one of mem, hex, coe, mif, bin, not 'txt'$"):
        write(tmp_path / "a.txt", [1], 8)
    with pytest.raises(InputError, match=r"word width must be a positive integer, not 0$"):
        write(tmp_path / "a.mem", [1], 0)
    with pytest.raises(InputError, match=r"word 1 must be 0 … 2\*\*8 - 1, not 256$"):
        write(tmp_path / "a.mem", [1, 256], 8)
    with pytest.raises(InputError, match=r"word 0 must be 0 … 2\*\*8 - 1, not -1$"):
        write(tmp_path / "a.mem", [-1], 8)
    with pytest.raises(InputError, match=r"word 0 must be an integer, not 1\.0$"):
        write(tmp_path / "a.mem", [1.0], 8)  # type: ignore[list-item]
    for format in ("coe", "mif"):
        with pytest.raises(InputError, match=rf"an empty image cannot be written as \.{format}$"):
            write(tmp_path / f"a.{format}", [], 8)
    assert not list(tmp_path.iterdir())


def test_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    write(tmp_path / "a.mem", [1, 2], 8)
    with pytest.raises(InputError):
        write(tmp_path / "a.mem", [1, 999], 8)
    assert read(tmp_path / "a.mem", 8) == [1, 2]


@pytest.mark.icarus
def test_icarus_reads_mem_without_warning(tmp_path: Path) -> None:
    words = [0x0123456789ABCDEF0123456789ABCDEF, 2**128 - 1, 0]
    write(tmp_path / "a.mem", words, 128)
    (tmp_path / "t.v").write_text(
        'module t; reg [127:0] m [0:15]; integer i; initial begin $readmemh("a.mem", m);\n'
        'for (i = 0; i < 4; i = i + 1) $display("%h", m[i]); end endmodule\n'
    )
    build = subprocess.run(
        ["iverilog", "-g2005", "-Wall", "-o", "t.vvp", "t.v"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert build.stdout + build.stderr == ""
    simulated = subprocess.run(["vvp", "-n", "t.vvp"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert simulated.stderr == ""
    assert simulated.stdout.split() == [f"{word:032x}" for word in words] + ["x" * 32]
