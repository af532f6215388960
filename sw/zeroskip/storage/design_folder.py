"""A design on disk: manifest, integer network, memory images and Verilog in one folder that is complete or absent.

====================== ===================================================================================================
``manifest.json``      versioned; configuration, layers, number formats, predicted cycles, sha256 of every other file
``network.safetensors`` the integer network, for the reference
``images/*.mem``       one image per memory, where the Verilog looks for it; other formats in ``images/<format>/``
``inputs.npy``         some inputs to simulate, where they were given; ``report.json`` figures
``rtl/*.v``            the Verilog, with its ports, windows and hashes in ``rtl/zeroskip.json``
====================== ===================================================================================================
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as tensors_to_bytes

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.contracts.graph import Window
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.program import LayerInfo, Program
from zeroskip.contracts.tensor import QuantizedTensor

from . import images
from .atomic import replaced_folder

FORMAT = "zeroskip"
FORMAT_VERSION = 2

_ARRAYS = ("weight", "weight_scale", "bias", "multiplier", "shift")
_OPTIONAL_ARRAYS = ("slope", "table")
"""Fields of a layer that are tensors of network.safetensors, ``<index of the layer>.<field>``. The others are in the manifest."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """What a folder holds. ``verilog`` is text by file name, ``sidecar`` its description."""

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
    """Write ``folder`` whole or not at all; a design that was there is replaced, anything else is refused.

    image_formats : of the images; ``mem`` is always among them, because the Verilog reads it
    samples : float inputs to simulate by default, ``inputs.npy``
    report : figures for ``report.json``
    """
    folder = Path(folder)
    unknown = sorted(set(image_formats) - set(images.FORMATS))
    if unknown:
        raise InputError(f"image format must be one of {', '.join(images.FORMATS)}, not {unknown[0]!r}")
    with replaced_folder(folder, require_design_folder) as part:
        (part / "rtl").mkdir()
        for name, text in saved.verilog.items():
            (part / "rtl" / name).write_text(text)
        (part / "rtl" / "zeroskip.json").write_text(_json(saved.sidecar))
        for format in dict.fromkeys(("mem", *image_formats)):
            write_images(saved.program, part / "images" / ("" if format == "mem" else format), format)
        _save_network(saved.network, part / "network.safetensors")
        if samples is not None:
            np.save(part / "inputs.npy", samples)
        if report is not None:
            (part / "report.json").write_text(_json(report))
        files = sorted(path for path in part.rglob("*") if path.is_file())
        manifest = _manifest(saved) | {"files": {path.relative_to(part).as_posix(): _sha256(path) for path in files}}
        (part / "manifest.json").write_text(_json(manifest))
    return folder


def write_images(program: Program, folder: Path, format: str = "mem") -> None:
    """One file per memory, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for memory in Layout(program.config).memories:
        images.write(folder / f"{memory.name}.{format}", program.images[memory.name], memory.width)


def load(folder: str | Path) -> Saved:
    """Read what :func:`save` wrote.

    Raises ImageError, naming the file, when one is missing, altered (sha256), or the manifest is of another version.
    """
    folder = Path(folder)
    manifest = _read_manifest(folder)
    try:
        for name, digest in manifest["files"].items():
            path = folder / name
            if not path.is_file():
                raise ImageError(f"{path}: is missing; the manifest lists it")
            if _sha256(path) != digest:
                raise ImageError(f"{path}: was altered; its sha256 is not the manifest's")
        config = ArrayConfig.from_json(manifest["config"], where=str(folder / "manifest.json"))
        program = Program(
            config=config, layers=tuple(LayerInfo.from_json(layer) for layer in manifest["layers"]),
            inputs=manifest["inputs"], outputs=manifest["outputs"],
            images={
                memory.name: tuple(images.read(folder / "images" / f"{memory.name}.mem", memory.width))
                for memory in Layout(config).memories
            },
        )  # fmt: skip
        return Saved(
            network=_load_network(manifest["network"], folder / "network.safetensors"), program=program,
            cycles=Cycles.from_json(manifest["cycles"]), dense_cycles=Cycles.from_json(manifest["dense_cycles"]),
            verilog={name: (folder / "rtl" / name).read_text() for name in manifest["verilog"]["files"]},
            sidecar=json.loads((folder / "rtl" / "zeroskip.json").read_text()),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageError(f"{folder / 'manifest.json'}: is incomplete: {error}") from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise ImageError(f"{path}: is missing; {folder} is not a design that zeroskip build wrote")
    try:
        manifest = json.loads(path.read_text())
    except (ValueError, UnicodeDecodeError) as error:
        raise ImageError(f"{path}: is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ImageError(f"{path}: is not a zeroskip manifest")
    if manifest.get("version") != FORMAT_VERSION:
        raise ImageError(
            f"{path}: version must be {FORMAT_VERSION}, not {manifest.get('version')!r}; build the design again"
        )
    return manifest


def _manifest(saved: Saved) -> dict[str, Any]:
    layout = Layout(saved.program.config)
    return {
        "format": FORMAT, "version": FORMAT_VERSION,
        "config": saved.program.config.to_json(),
        "inputs": saved.program.inputs, "outputs": saved.program.outputs,
        "network": _network_json(saved.network),
        "layers": [layer.to_json() for layer in saved.program.layers],
        "images": {
            memory.name: {
                "file": f"images/{memory.name}.mem", "width": memory.width, "depth": memory.depth,
                "words": len(saved.program.images[memory.name]), "encoding": "flat bitmap" if "masks" in memory.name else "words",
            }
            for memory in layout.memories
        },
        "cycles": saved.cycles.to_json(), "dense_cycles": saved.dense_cycles.to_json(),
        "verilog": {"top": saved.sidecar["top"], "files": list(saved.verilog)},
    }  # fmt: skip


def _network_json(network: QuantizedNetwork) -> dict[str, Any]:
    return {
        "input_shape": list(network.input_shape), "output_shape": list(network.output_shape),
        "weight_bits": network.weight_bits, "output": network.output_name,
        "tensors": {
            name: {"shape": list(shape), "format": asdict(network.formats[name])} for name, shape in network.shapes.items()
        },
        "layers": [
            {field.name: getattr(layer, field.name) for field in fields(layer) if field.name not in _ARRAYS + _OPTIONAL_ARRAYS}
            | {"window": asdict(layer.window)}
            for layer in network.layers
        ],
    }  # fmt: skip


def _save_network(network: QuantizedNetwork, path: Path) -> None:
    arrays = {
        f"{i}.{name}": np.ascontiguousarray(array)
        for i, layer in enumerate(network.layers)
        for name in _ARRAYS + _OPTIONAL_ARRAYS
        if (array := getattr(layer, name)) is not None
    }
    path.write_bytes(tensors_to_bytes(arrays))


def _load_network(values: Mapping[str, Any], path: Path) -> QuantizedNetwork:
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ImageError(f"{path}: cannot be read: {error}") from error
    layers = []
    for i, layer in enumerate(values["layers"]):
        stored: dict[str, Any] = {name: arrays[f"{i}.{name}"] for name in _ARRAYS}
        stored |= {name: arrays.get(f"{i}.{name}") for name in _OPTIONAL_ARRAYS}
        window = Window(**{name: tuple(numbers) for name, numbers in layer["window"].items()})
        layers.append(QuantizedLayer(**layer | stored | {"window": window}))
    return QuantizedNetwork(
        input_shape=tuple(values["input_shape"]), output_shape=tuple(values["output_shape"]),
        weight_bits=values["weight_bits"], layers=tuple(layers), output_name=values["output"],
        shapes={name: tuple(tensor["shape"]) for name, tensor in values["tensors"].items()},
        formats={name: QuantizedTensor(**tensor["format"]) for name, tensor in values["tensors"].items()},
    )  # fmt: skip


def _is_design(folder: Path) -> bool:
    """Whether ``folder`` is a design of whatever version, and so may be replaced; other programs write a manifest.json too."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("format") == FORMAT


def require_design_folder(folder: Path) -> None:
    """Refuse a folder that :func:`save` would not write to, before the work is done."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: must be a folder")
    if folder.is_dir() and any(folder.iterdir()) and not _is_design(folder):
        raise InputError(f"{folder}: is not empty and not a zeroskip design; choose another folder")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
