"""A design on disk: manifest, integer network, memory images and Verilog in one folder that is complete or absent.

====================== ===================================================================================================
``manifest.json``      versioned; configuration, layers, number formats, predicted cycles, sha256 of every file and its own
``network.safetensors`` the integer network, for the reference
``images/*.mem``       one image per memory, where the Verilog looks for it; other formats in ``images/<format>/``
``inputs.npy``         some inputs to simulate, where they were given; ``report.json`` figures
``rtl/*.v``            the Verilog, with its ports, windows and hashes in ``rtl/zeroskip.json``
====================== ===================================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.program import LayerInfo, Program

from . import images
from .atomic import file_digest, replaced_folder, require_replaceable
from .consistency import require_consistent
from .manifest import is_design, read_manifest, write_manifest
from .network_file import load_network, network_to_json, save_arrays
from .sealed import NAME, require_files, to_json


@dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """The content of a folder.

    network : the integer network
    program : memory images and sized configuration
    cycles : predicted cycles
    dense_cycles : the same with every weight kept
    verilog : text by file name
    sidecar : description of the Verilog: ports, windows and hashes
    """

    network: QuantizedNetwork
    program: Program
    cycles: Cycles
    dense_cycles: Cycles
    verilog: Mapping[str, str]
    sidecar: Mapping[str, Any]


def save(
    saved: Saved,
    folder: str | Path,
    *,
    image_formats: Sequence[str] = ("mem",),
    samples: npt.NDArray[Any] | None = None,
    report: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``folder`` whole or not at all. A design that is there is replaced; anything else there is refused.

    image_formats : formats of the images; ``mem`` is always among them, because the Verilog reads it
    samples : float inputs that are simulated by default, ``inputs.npy``
    report : figures for ``report.json``
    """
    folder = Path(folder)
    images.require_formats(image_formats)
    with replaced_folder(folder, require_design_folder) as part:
        (part / "rtl").mkdir()
        for name, text in saved.verilog.items():
            (part / "rtl" / name).write_text(text)
        (part / "rtl" / "zeroskip.json").write_text(to_json(saved.sidecar))
        for format in dict.fromkeys(("mem", *image_formats)):
            write_images(saved.program, part / "images" / ("" if format == "mem" else format), format)
        save_arrays(saved.network, part / "network.safetensors")
        if samples is not None:
            np.save(part / "inputs.npy", samples)
        if report is not None:
            (part / "report.json").write_text(to_json(report))
        written = sorted(path for path in part.rglob("*") if path.is_file())
        digests = {path.relative_to(part).as_posix(): file_digest(path) for path in written}
        write_manifest({**_described(saved), "files": digests}, part)
    return folder


def write_images(program: Program, folder: Path, format: str = "mem") -> None:
    """One file per memory, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for memory in Layout(program.config).memories:
        images.write(folder / f"{memory.name}.{format}", program.images[memory.name], memory.width)


def load(folder: str | Path) -> Saved:
    """Read what :func:`save` wrote.

    Raises ImageError, naming file and rule, for a file that is missing or altered (sha256), and for a manifest that has another version, is
    altered, or has parts that do not fit each other.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    require_files(folder, manifest["files"])
    try:
        network = load_network(manifest["network"], folder / "network.safetensors")
        require_consistent(network)
        return Saved(
            network=network, program=_program(manifest, folder), cycles=_cycles(manifest, "cycles"),
            dense_cycles=_cycles(manifest, "dense_cycles"),
            verilog={name: _text(folder / "rtl" / name) for name in manifest["verilog"]["files"]},
            sidecar=json.loads(_text(folder / "rtl" / "zeroskip.json")),
        )  # fmt: skip
    except ImageError:
        raise
    except (InputError, ValueError) as error:
        raise ImageError(f"{folder / NAME}: {error}") from error


def read_report(folder: Path) -> dict[str, Any]:
    """The figures of a saved design, empty where it has none. Check the folder by :func:`load` first."""
    path = folder / "report.json"
    if not path.is_file():
        return {}
    report = json.loads(_text(path))
    return report if isinstance(report, dict) else {}


def read_samples(folder: Path) -> npt.NDArray[Any] | None:
    """The float inputs of a saved design, None where it has none. Check the folder by :func:`load` first."""
    path = folder / "inputs.npy"
    return np.load(path) if path.is_file() else None


def _program(manifest: Mapping[str, Any], folder: Path) -> Program:
    config = ArrayConfig.from_json(manifest["config"])
    if not config.sized:
        raise ImageError(f"{folder / NAME}: config must be sized, every capacity and feature")
    layers = tuple(LayerInfo.from_json(layer) for layer in manifest["layers"])
    words = {}
    for memory in Layout(config).memories:
        path = folder / "images" / f"{memory.name}.mem"
        words[memory.name] = tuple(images.read(path, memory.width))
        if len(words[memory.name]) > memory.depth:
            raise ImageError(f"{path}: must have at most {memory.depth} words, not {len(words[memory.name])}")
    return Program(
        config=config, layers=layers, inputs=manifest["inputs"], outputs=manifest["outputs"], images=words,
    )  # fmt: skip


def _cycles(manifest: Mapping[str, Any], name: str) -> Cycles:
    """Cycles with the layers in their order. JSON with sorted keys does not keep it."""
    values, layers = manifest[name], [layer["name"] for layer in manifest["layers"]]
    if sorted(values["layers"]) != sorted(layers):
        raise InputError(
            f"{name}: must have each of the layers {', '.join(layers)} once, not {', '.join(values['layers'])}"
        )
    return Cycles.from_json({**values, "layers": {layer: values["layers"][layer] for layer in layers}})


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error


def _described(saved: Saved) -> dict[str, Any]:
    layout = Layout(saved.program.config)
    return {
        "config": saved.program.config.to_json(),
        "inputs": saved.program.inputs, "outputs": saved.program.outputs,
        "network": network_to_json(saved.network),
        "layers": [layer.to_json() for layer in saved.program.layers],
        "images": {
            memory.name: {
                "file": f"images/{memory.name}.mem", "width": memory.width, "depth": memory.depth,
                "words": len(saved.program.images[memory.name]),
            }
            for memory in layout.memories
        },
        "cycles": saved.cycles.to_json(), "dense_cycles": saved.dense_cycles.to_json(),
        "verilog": {"top": saved.sidecar["top"], "files": list(saved.verilog)},
    }  # fmt: skip


def require_design_folder(folder: Path) -> None:
    """Refuse a folder that :func:`save` would not write to, before any work is done."""
    require_replaceable(folder, is_design, "a zeroskip design")
