"""The C driver as files: the sources, which are the same for every design, and the header of one design."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.payload import Payload, parts_of
from zeroskip.storage.template import render

SOURCES = ("zeroskip.h", "zeroskip.c", "zeroskip_registers.h", "zeroskip_fifo.h", "zeroskip_fifo.c")
DESIGN_NAME = "zeroskip_design"
VALUES_PER_LINE = 10
KEYWORDS = (
    "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return"
    " short signed sizeof static struct switch typedef union unsigned void volatile while"
)
"""Of C99, those in lower case."""


def driver_files(payload: Payload, name: str = DESIGN_NAME) -> dict[str, str]:
    """Everything that a C program needs to load and run ``payload``, text by file name. The names are those that the sources include."""
    folder = files("zeroskip.drivers") / "c"
    return {**{source: (folder / source).read_text() for source in SOURCES}, f"{name}.h": design_header(payload, name)}


def design_header(payload: Payload, name: str = DESIGN_NAME) -> str:
    """The header of one design: sizes, number formats, predicted cycles, images as arrays. The same text for the same payload.

    name : of its ``zeroskip_network``, and what every other name in it begins with; so two designs can be in one program. InputError for
        one that C or the driver has already
    """
    require_name(name)
    layout, config = payload.layout, payload.config
    memories: list[dict[str, Any]] = []
    for memory in layout.memories:
        parts = [f"{_hex(value)}" for value in parts_of(payload.images[memory.name], memory).tolist()]
        lines = [", ".join(parts[i : i + VALUES_PER_LINE]) for i in range(0, len(parts), VALUES_PER_LINE)]
        memories.append({
            "name": memory.name, "symbol": re.sub(r"\W", "_", memory.name), "width": memory.width, "parts": memory.parts,
            "stride": memory.stride, "address": memory.window << layout.window_bits, "words": len(payload.images[memory.name]),
            "lines": lines,
        })  # fmt: skip
    beat = config.stream_elements
    ends = {"input": payload.input.format, "output": payload.output.format}
    return render(
        "zeroskip.drivers", "zeroskip_design.h.j2",
        name=name, macro=name.upper(), config_id=config.digest, crc=payload.crc, lanes=config.lanes, columns=config.columns,
        word=config.word, weight_bits=config.weight_bits, values=sum(m["words"] * m["parts"] for m in memories),
        inputs=payload.input.size, outputs=payload.output.size, input_beats=-(-payload.input.size // beat),
        output_beats=-(-payload.output.size // beat), stream_bytes=beat, group=payload.group, **ends,
        scales=", ".join(f"{what} {format.scale!r}" for what, format in ends.items()),
        latency=payload.cycles.latency, interval=payload.cycles.interval, layer_limit=payload.layer_limit,
        layers=[{"name": layer, "cycles": cycles} for layer, cycles in payload.cycles.layers.items()], memories=memories,
        hex=_hex, signed=_signed, string=_string,
    )  # fmt: skip


def require_name(name: str) -> None:
    """Refuse what cannot name a design in a C program."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(
            f"name of a design in C must be lower-case letters, digits and _, the first a letter, not {name!r}"
        )
    if name in KEYWORDS.split() or (name.startswith("zeroskip") and name != DESIGN_NAME):
        raise InputError(f"name of a design in C must not be a keyword or begin with zeroskip, not {name!r}")


def _hex(value: int) -> str:
    return f"0x{value:x}u"


def _signed(value: int) -> str:
    return f"({value})" if value < 0 else str(value)


def _string(text: str) -> str:
    """A C string literal of the text's UTF-8: a layer's name may hold anything."""
    plain = "".join(chr(b) if 0x20 <= b < 0x7F and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return f'"{plain}"'
