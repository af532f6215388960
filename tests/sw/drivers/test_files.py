"""The header of a design, as a C compiler reads it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.files import SOURCES, design_header, driver_files

READER = r"""
#include <stdio.h>
#include "zeroskip_design.h"
#include "other.h"

static void show(const zeroskip_format *format)
{
    printf("%a %d %d %d\n", format->scale, (int)format->zero_point, (int)format->low, (int)format->high);
}

int main(void)
{
    const zeroskip_network *n = &zeroskip_design;
    uint32_t i, k;

    printf("%u %u %u %u %u %u %u %u %u\n", n->config_id, n->crc, n->inputs, n->outputs, n->group, n->stream_bytes, n->latency, n->interval,
           n->layer_limit);
    printf("%u %u %u\n", ZEROSKIP_DESIGN_INPUT_BEATS, ZEROSKIP_DESIGN_OUTPUT_BEATS, other.crc);
    show(&n->input);
    show(&n->output);
    for (i = 0; i < n->layer_count; i++)
        printf("%s %u\n", n->layers[i].name, n->layers[i].cycles);
    for (i = 0; i < n->image_count; i++) {
        const zeroskip_image *image = &n->images[i];
        printf("%s %u %u %u %u:", image->name, image->address, image->stride, image->parts, image->words);
        for (k = 0; k < image->words * image->parts; k++)
            printf(" %u", image->values[k]);
        printf("\n");
    }
    return 0;
}
"""


def expected(payload: Payload) -> list[str]:
    layout, cycles = payload.layout, payload.cycles
    sizes = [
        payload.config.digest,
        payload.crc,
        11,
        5,
        2,
        4,
        cycles.latency,
        cycles.interval,
        max(cycles.layers.values()),
    ]
    lines = [" ".join(map(str, sizes)), f"3 2 {payload.crc}"]
    formats = (payload.input.format, payload.output.format)
    lines += [f"{format.scale.hex()} {format.zero_point} {format.low} {format.high}" for format in formats]
    lines += [f"{name} {count}" for name, count in cycles.layers.items()]
    for memory in layout.memories:
        words = payload.images[memory.name]
        values = [word >> 32 * part & 0xFFFFFFFF for word in words for part in range(memory.parts)]
        head = [memory.name, memory.window << layout.window_bits, memory.stride, memory.parts, len(words)]
        lines.append(" ".join(map(str, head)) + ":" + "".join(f" {value}" for value in values))
    return lines


def test_a_compiler_reads_what_the_payload_holds(payload: Payload, gcc, tmp_path: Path) -> None:
    for name, text in (
        driver_files(payload) | {"other.h": design_header(payload, "other"), "reader.c": READER}
    ).items():
        (tmp_path / name).write_text(text)
    gcc(tmp_path, "-c", "zeroskip.c", "zeroskip_fifo.c", "-ffreestanding")
    gcc(tmp_path, "reader.c", "-o", "reader", "-Wno-conversion")
    said = subprocess.run([tmp_path / "reader"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [float.fromhex(word) for line in said[2:4] for word in line.split()[:1]] == [
        payload.input.format.scale, payload.output.format.scale,
    ]  # fmt: skip
    assert [line for i, line in enumerate(said) if i not in (2, 3)] == [
        line for i, line in enumerate(expected(payload)) if i not in (2, 3)
    ]
    assert [line.split()[1:] for line in said[2:4]] == [line.split()[1:] for line in expected(payload)[2:4]]


def test_an_empty_image_is_no_array(payload: Payload, gcc, tmp_path: Path) -> None:
    empty = replace(payload, images={**payload.images, "lane01.weights": ()})
    for name, text in (
        driver_files(empty)
        | {"main.c": '#include "zeroskip_design.h"\nint main(void) { return !zeroskip_design.crc; }\n'}
    ).items():
        (tmp_path / name).write_text(text)
    gcc(tmp_path, "main.c", "-o", "main")
    assert '{ "lane01.weights", ' in (tmp_path / "zeroskip_design.h").read_text()


def test_the_driver_calls_nothing_of_a_library(payload: Payload, gcc, tmp_path: Path) -> None:
    """It includes no header but the compiler's, and its object files ask for no function but the register access."""
    texts = driver_files(payload)
    assert set(texts) == {*SOURCES, "zeroskip_design.h"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        included = {line.split()[1] for line in text.splitlines() if line.startswith("#include <")}
        assert included <= {"<stdint.h>", "<stddef.h>"}
    gcc(tmp_path, "-c", "zeroskip.c", "zeroskip_fifo.c", "-ffreestanding", "-fno-builtin", "-fno-stack-protector")
    for object in ("zeroskip.o", "zeroskip_fifo.o"):
        needed = subprocess.run(
            ["nm", "-u", tmp_path / object], capture_output=True, text=True, check=True
        ).stdout.split()
        assert [name for name in needed if name not in ("U", "_GLOBAL_OFFSET_TABLE_")] == []


@pytest.mark.parametrize("name", ["", "Design", "1st", "two words", "a-b"])
def test_a_name_must_be_one_of_c(payload: Payload, name: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^name of a design in C must be lower-case letters, digits and _, the first a letter, not {name!r}$",
    ):
        design_header(payload, name)


@pytest.mark.parametrize("name", ["int", "while", "zeroskip_image", "zeroskip"])
def test_a_name_must_be_free(payload: Payload, name: str) -> None:
    with pytest.raises(
        InputError, match=rf"^name of a design in C must not be a keyword or begin with zeroskip, not {name!r}$"
    ):
        design_header(payload, name)
