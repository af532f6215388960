"""What the command line's options mean: files and texts become configurations, arrays and masks, or one clear line."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.spec.config import PRESETS, ArrayConfig
from zeroskip.spec.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch


class Method(StrEnum):
    """Pruning criteria of the command line."""

    magnitude = "magnitude"
    gradient = "gradient"
    weight_gradient = "weight-gradient"


class Scope(StrEnum):
    """Where the share of pruned weights is counted."""

    layer = "layer"
    global_ = "global"


class Simulator(StrEnum):
    """Supported simulators."""

    verilator = "verilator"
    icarus = "icarus"


def array_config(file: Path | None, preset: str | None, **options: int | None) -> tuple[ArrayConfig, frozenset[str]]:
    """Preset, then file, then single options, and the names that one of them gives; refuses unknown names."""
    if preset is not None and preset not in PRESETS:
        raise InputError(f"--preset: must be one of {', '.join(PRESETS)}, not {preset!r}")
    values: dict[str, Any] = {}
    if preset is not None:
        values |= {name: value for name, value in PRESETS[preset].to_json().items() if value}
    if file is not None:
        try:
            values |= tomllib.loads(file.read_text())
        except OSError as error:
            raise InputError(f"--config: {file}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"--config: {file}: is not TOML: {error}") from error
    values |= {name: value for name, value in options.items() if value is not None}
    config = ArrayConfig.from_json(values, where=str(file) if file is not None else "ArrayConfig")
    return config, frozenset(values)


def load_array(path: Path, option: str) -> np.ndarray[Any, Any]:
    """The array in a .npy file; ``option`` names it in refusals."""
    import numpy as np

    try:
        values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{option}: {path}: cannot be read: {error.strerror or 'not a .npy file'}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{option}: {path}: must be a .npy file of numbers") from error
    if not isinstance(values, np.ndarray) or values.ndim < 1 or values.dtype.kind not in "fiub":
        raise InputError(f"{option}: {path}: must hold one array of numbers, the first axis counting samples")
    return values


def example_input(samples: np.ndarray[Any, Any], shape: str | None) -> torch.Tensor:
    """Zeros in the shape of one sample, as ``--input-shape`` or the samples give it."""
    import torch

    if shape is None:
        if samples.ndim < 2:
            raise InputError(f"--calibration: must have shape (N, …), not {samples.shape}")
        return torch.zeros(1, *samples.shape[1:])
    try:
        sizes = [int(part) for part in shape.split(",")]
    except ValueError:
        sizes = [0]
    if not all(size > 0 for size in sizes):
        raise InputError(f"--input-shape: must be positive numbers with commas, as 1,28,28, not {shape!r}")
    return torch.zeros(1, *sizes)


def make_masks(
    module: torch.nn.Module, file: Path | None, method: Method | None, sparsity: float | None, scope: Scope,
    layers: list[str] | None, inputs: Path | None, labels: Path | None,
) -> dict[str, torch.Tensor] | None:  # fmt: skip
    """Masks from a file or by a criterion; None when none was asked for."""
    import torch

    from zeroskip import prune
    from zeroskip.prune.weights import resolve

    if file is not None:
        return prune.from_file(file, module)
    if method is None or (sparsity is None and not layers):
        if method is not None or sparsity is not None or layers:
            raise InputError("--method and --sparsity (or --layer): must be given together")
        return None
    per_layer = dict(_layer_option(text) for text in layers or [])
    scores: Any = prune.magnitude_scores
    if method is Method.magnitude:
        if not per_layer:
            return prune.magnitude(module, _known(sparsity), scope=scope.value)
    else:
        if inputs is None or labels is None:
            raise InputError(f"--method {method.value}: needs --inputs and --labels")
        data = [
            (
                torch.from_numpy(load_array(inputs, "--inputs")).float(),
                torch.from_numpy(load_array(labels, "--labels")).long(),
            )
        ]
        options: dict[str, Any] = {"times_weight": method is Method.weight_gradient}
        if not per_layer:
            return prune.gradient(module, _known(sparsity), data, scope=scope.value, **options)
        scores = prune.gradient_scores(module, data, **options)
    if scope is Scope.global_:
        raise InputError("--layer: cannot be combined with --scope global")
    everywhere = {name: _known(sparsity) for name in prune.prunable(module)} if sparsity is not None else {}
    named = {resolve(module, name, what="--layer"): share for name, share in per_layer.items()}
    return prune.layerwise(module, everywhere | named, score=scores)


def _known(sparsity: float | None) -> float:
    if sparsity is None:
        raise InputError("--sparsity: must be given")
    return sparsity


def _layer_option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise InputError(f"--layer: must be NAME=SPARSITY, as fc1=0.9, not {text!r}") from None
