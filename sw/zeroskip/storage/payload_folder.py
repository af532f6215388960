"""A folder of images for an array that exists: what ``zeroskip images`` writes, and drivers load.

====================== ===================================================================================================
``manifest.json``      ``format`` "zeroskip images", versioned; array, CONFIG_ID, CRC, ends, predicted cycles, images with sizes, sha256 of
                       every other file and its own
``images/*.mem``       one image per memory; other formats in ``images/<format>/``
====================== ===================================================================================================

Further files, as a C header, are the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.ends import End
from zeroskip.contracts.errors import ImageError
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.payload import Payload

from . import design_folder, images
from .atomic import file_digest, replaced_folder, require_replaceable
from .manifest import is_design
from .sealed import NAME, Sealed, require_files

IMAGES = Sealed(
    format="zeroskip images", version=3, kind="a manifest of zeroskip images",
    origin="a folder that zeroskip build or zeroskip images wrote", again="make the images again",
)  # fmt: skip


def write_payload(
    payload: Payload, folder: Path, *, image_formats: Sequence[str] = ("mem",), further: Mapping[str, str]
) -> None:
    """Write the folder, whole or not at all. A folder of images that is there is replaced.

    image_formats : of ``mem``, ``hex``, ``coe``, ``mif`` and ``bin``; ``mem`` is always written, because it is read back
    further : text of further files by name
    """
    images.require_formats(image_formats)
    memories = payload.layout.memories
    with replaced_folder(folder, require_payload_folder) as part:
        for format in dict.fromkeys(("mem", *image_formats)):
            place = part / "images" / ("" if format == "mem" else format)
            place.mkdir(parents=True)
            for memory in memories:
                images.write(place / f"{memory.name}.{format}", payload.images[memory.name], memory.width)
        for name, text in further.items():
            (part / name).write_text(text)
        written = sorted(path for path in part.rglob("*") if path.is_file())
        values = {
            "config": payload.config.to_json(), "config_id": payload.config.digest, "crc": payload.crc,
            "input": payload.input.to_json(), "output": payload.output.to_json(),
            "layers": list(payload.cycles.layers), "cycles": payload.cycles.to_json(),
            "images": {
                memory.name: {
                    "file": f"images/{memory.name}.mem", "width": memory.width, "depth": memory.depth,
                    "words": len(payload.images[memory.name]), "address": memory.window << payload.layout.window_bits,
                    "stride": memory.stride,
                }
                for memory in memories
            },
            "files": {path.relative_to(part).as_posix(): file_digest(path) for path in written},
        }  # fmt: skip
        (part / NAME).write_text(IMAGES.text(values))


def read_payload(folder: Path) -> Payload:
    """The payload of a folder that :func:`write_payload` or ``design_folder.save`` wrote.

    Raises ImageError, naming file and rule, for a file that is missing or altered.
    """
    if is_design(folder):
        return Payload.of(design_folder.load(folder))
    manifest = IMAGES.read(folder)
    require_files(folder, manifest["files"])
    config, cycles = ArrayConfig.from_json(manifest["config"]), manifest["cycles"]
    payload = Payload(
        config=config, input=End.from_json(manifest["input"], "input"), output=End.from_json(manifest["output"], "output"),
        cycles=Cycles.from_json({**cycles, "layers": {name: cycles["layers"][name] for name in manifest["layers"]}}),
        images={
            memory.name: tuple(images.read(folder / "images" / f"{memory.name}.mem", memory.width))
            for memory in Layout(config).memories
        },
    )  # fmt: skip
    for name, stated, found in (
        ("config_id", manifest["config_id"], config.digest), ("crc", manifest["crc"], payload.crc),
    ):  # fmt: skip
        if stated != found:
            raise ImageError(f"{folder / NAME}: {name} must be {found:#010x}, not {stated:#010x}")
    return payload


def require_payload_folder(folder: Path) -> None:
    """Refuse a folder that :func:`write_payload` would not write to, before any work is done."""
    require_replaceable(folder, _is_payload, "a folder of zeroskip images")


def _is_payload(folder: Path) -> bool:
    try:
        return bool(IMAGES.read(folder))
    except ImageError:
        return False
