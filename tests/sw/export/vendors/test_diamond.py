"""What Diamond has besides a project: memories that a host loads, and the list of writes that does it."""

from __future__ import annotations

import re
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import SMALL, built
from tests.sw.export.vendors.projects import VERILOG

import zeroskip as zs
from zeroskip import reference
from zeroskip.contracts.streams import to_input_stream, to_output_stream
from zeroskip.storage.design_folder import load

HOST = Path(__file__).with_name("load_list.v")


def listed(home: Path) -> list[tuple[int, int]]:
    """Address and value of every write, by a reader of its own."""
    lines = [line for line in (home / "load.txt").read_text().splitlines() if not line.startswith("//")]
    assert all(re.fullmatch(r"[0-9a-f]{8} [0-9a-f]{8}", line) for line in lines)
    return [(int(line[:8], 16), int(line[9:], 16)) for line in lines]


@pytest.mark.parametrize("design", SMALL)
def test_the_list_stops_states_the_crc_loads_every_word_and_starts(design: str, exported: Exported) -> None:
    home = exported(design, "diamond")
    stop, crc, *parts, start = listed(home)
    assert (stop, start) == ((0x10, 0), (0x10, 1))
    assert crc == (0x30, zlib.crc32(b"".join(value.to_bytes(4, "little") for _, value in parts)))

    saved = load(built(design))
    memory = dict(parts)
    assert len(memory) == len(parts)
    for name, window in saved.sidecar["windows"].items():
        for place, word in enumerate(saved.program.images[name]):
            base = window["address"] + place * window["stride"]
            pieces = [memory.pop(base + 4 * part) for part in range(-(-window["width"] // 32))]
            assert sum(piece << (32 * part) for part, piece in enumerate(pieces)) == word, (name, place)
    assert not memory


def answers(home: Path, design: str, samples: int) -> tuple[list[str], list[int]]:
    """What the host prints, and the elements that the array must give."""
    loaded = zs.Design.load(built(design))
    config = loaded.config
    x = loaded.quantize_input(np.load(built(design) / "inputs.npy")[:samples])
    inputs = to_input_stream(loaded.network, x)
    outputs = to_output_stream(loaded.network, reference.run(loaded.network, x))
    elements = config.stream_elements

    def beats(rows: np.ndarray) -> list[list[int]]:
        return [
            [int(value) & 0xFF for value in row[at : at + elements]]
            for row in rows
            for at in range(0, len(row), elements)
        ]

    lines = []
    for row in inputs:
        for at, beat in enumerate(made := beats(row[None])):
            value = sum(byte << (8 * place) for place, byte in enumerate(beat))
            lines.append(f"{((at == len(made) - 1) << (8 * elements)) | value:x}")
    (home / "beats.txt").write_text("\n".join(lines) + "\n")
    expected = [
        sum(byte << (8 * place) for place, byte in enumerate(beat)) for row in outputs for beat in beats(row[None])
    ]
    address = next(port["width"] for port in load(built(design)).sidecar["ports"] if port["name"] == "s_axil_awaddr")
    values = {
        "ADDRESS": address, "DATA": 8 * elements, "WRITES": len(listed(home)), "BEATS": len(lines), "ANSWERS": len(expected),
    }  # fmt: skip
    command = [
        "iverilog",
        "-g2005",
        "-s",
        "load_list",
        "-o",
        "host.vvp",
        *(f"-Pload_list.{k}={v}" for k, v in values.items()),
    ]
    subprocess.run([*command, str(HOST), *(f"rtl/{name}" for name in VERILOG)], cwd=home, check=True)
    done = subprocess.run(["vvp", "host.vvp"], cwd=home, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "$finish" not in line], expected


@pytest.mark.icarus
@pytest.mark.parametrize("design, samples", [("flat", 8), ("strips", 2)])
def test_a_host_that_writes_the_list_gets_the_references_answers(design: str, samples: int, exported: Exported) -> None:
    """The memories are empty before: the Verilog names no image that it reads."""
    home = exported(design, "diamond")
    for path in (home / "images").iterdir():
        path.unlink()
    said, expected = answers(home, design, samples)
    assert said == [f"answer {value:0{len(said[0].split()[1])}x}" for value in expected]


@pytest.mark.icarus
def test_a_list_with_one_bit_flipped_starts_nothing(exported: Exported) -> None:
    home = exported("flat", "diamond")
    text = (home / "load.txt").read_text().splitlines()
    text[-2] = f"{text[-2][:-1]}{int(text[-2][-1], 16) ^ 1:x}"
    (home / "load.txt").write_text("\n".join(text) + "\n")
    said, _ = answers(home, "flat", 2)
    assert re.fullmatch(r"nothing more after \d+ writes, 0 beats", said[0])


def test_the_readme_says_that_memories_are_empty_and_counts_the_writes(exported: Exported) -> None:
    home = exported("flat", "diamond")
    text = (home / "README.md").read_text()
    assert "**The bitstream has empty memories.**" in text
    assert f"has the {len(listed(home))} writes" in " ".join(text.split())
