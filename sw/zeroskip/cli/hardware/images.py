"""``zeroskip images``: newly pruned weights for an array that exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from zeroskip.cli import arguments as a
from zeroskip.cli.accuracies import accuracy_rows
from zeroskip.cli.arguments import Method
from zeroskip.cli.model import Compiled, ModelOptions, compiled
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.payload import Payload


@dataclass(frozen=True, kw_only=True)
class ImagesOptions(ModelOptions):
    """The options, as they were given."""

    folder: a.Folder
    out: Annotated[Path, typer.Option(help="Folder to write, whole or not at all. Images that are there are replaced.")]
    image_format: a.ImageFormatOption = None
    name: Annotated[str, typer.Option(help="Name of the design in its C header, which is NAME.h.")] = "zeroskip_design"


def images(options: ImagesOptions) -> None:
    """Pack newly pruned weights of MODEL for the array of DIR: images, manifest and C header, no Verilog, no synthesis.

    The array is that of DIR to the last memory depth; a network that does not fit is refused. What is written can be loaded at run time, by
    the C driver or the Python driver, into a device that has the bitstream of DIR.

    Example: zeroskip images build/net net.py:trained --calibration x.npy --masks new.safetensors --out build/new
    """
    from zeroskip.cli import tables

    with tables.progress() as progress:
        payload, made = _written(options, progress)
    summary = made.design.summary
    tables.out.print(tables.layers(summary))
    words = sum(len(payload.images[memory.name]) * memory.parts for memory in payload.layout.memories)
    written = [
        ("images", f"{options.out}, {words:,} values of 32 bits, CRC-32 {payload.crc:#010x}"),
        ("array", f"{options.folder}, CONFIG_ID {payload.config.digest:#010x}"),
        ("C header", str(options.out / f"{options.name}.h")), ("report", str(options.out / "report.json")),
    ]  # fmt: skip
    measured = accuracy_rows(made.accuracies, updated=options.method is Method.obs)
    tables.out.print(tables.pairs([*measured, *tables.totals(summary), *written]))


def _written(options: ImagesOptions, progress: Callable[[str], None]) -> tuple[Payload, Compiled]:
    """What was packed and written. It refuses all that it can before the model is loaded."""
    from zeroskip.drivers.files import design_header, require_name
    from zeroskip.storage.images import require_formats
    from zeroskip.storage.payload_folder import read_payload, require_payload_folder, write_payload
    from zeroskip.storage.sealed import to_json

    options.require_one_source_of_masks()
    require_name(options.name)
    require_formats(options.image_format or [])
    require_payload_folder(options.out)
    config = read_payload(options.folder).config
    try:
        made = compiled(options, config, progress)
    except CapacityError as error:
        raise CapacityError(f"{options.folder}: its array cannot hold these weights: {error}") from error
    progress("writing")
    payload = Payload.of(made.design)
    further = {
        f"{options.name}.h": design_header(payload, options.name),
        "report.json": to_json(made.design.summary.to_json() | made.report),
    }
    write_payload(payload, options.out, image_formats=["mem", *(options.image_format or [])], further=further)
    return payload, made
