"""The integer network on disk: its structure as JSON, its arrays as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as tensors_to_bytes

from zeroskip.contracts.axes import Axes
from zeroskip.contracts.errors import ImageError
from zeroskip.contracts.graph import Window
from zeroskip.contracts.host import HostOperator
from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

from .atomic import write_bytes

_ARRAYS = ("weight", "weight_scale", "bias", "multiplier", "shift")
_OPTIONAL_ARRAYS = ("slope", "table")
"""Fields of a layer that are tensors of the file, ``<index of the layer>.<field>``. The others are in the JSON."""


def network_to_json(network: QuantizedNetwork) -> dict[str, Any]:
    """Everything except the arrays."""
    return {
        "input_shape": list(network.input_shape), "output_shape": list(network.output_shape),
        "input_axes": asdict(network.input_axes), "output_axes": asdict(network.output_axes),
        "host": [asdict(operator) for operator in network.host],
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


def save_arrays(network: QuantizedNetwork, path: Path) -> None:
    """Write the arrays of all layers."""
    arrays = {
        f"{i}.{name}": np.ascontiguousarray(array)
        for i, layer in enumerate(network.layers)
        for name in _ARRAYS + _OPTIONAL_ARRAYS
        if (array := getattr(layer, name)) is not None
    }
    write_bytes(tensors_to_bytes(arrays), path)


def load_network(values: Mapping[str, Any], path: Path) -> QuantizedNetwork:
    """The network of :func:`network_to_json`, with its arrays from ``path``. Raises ImageError where they are unreadable or missing."""
    try:
        arrays = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ImageError(f"{path}: cannot be read: {error}") from error
    missing = [f"{i}.{name}" for i in range(len(values["layers"])) for name in _ARRAYS if f"{i}.{name}" not in arrays]
    if missing:
        raise ImageError(f"{path}: has no {missing[0]!r}, which the manifest's layers need")
    layers = []
    for i, layer in enumerate(values["layers"]):
        stored: dict[str, Any] = {name: arrays[f"{i}.{name}"] for name in _ARRAYS}
        stored |= {name: arrays.get(f"{i}.{name}") for name in _OPTIONAL_ARRAYS}
        window = Window(**{name: tuple(numbers) for name, numbers in layer["window"].items()})
        layers.append(QuantizedLayer(**layer | stored | {"window": window}))
    return QuantizedNetwork(
        input_shape=tuple(values["input_shape"]), output_shape=tuple(values["output_shape"]),
        **{end: Axes(**{name: tuple(part) for name, part in values[end].items()}) for end in ("input_axes", "output_axes")},
        host=tuple(HostOperator(**operator) for operator in values["host"]),
        weight_bits=values["weight_bits"], layers=tuple(layers), output_name=values["output"],
        shapes={name: tuple(tensor["shape"]) for name, tensor in values["tensors"].items()},
        formats={name: QuantizedTensor(**tensor["format"]) for name, tensor in values["tensors"].items()},
    )  # fmt: skip
