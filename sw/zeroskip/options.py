"""What the command line's options mean: files and texts become configurations, arrays and masks, or one clear line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.config import PRESETS, ArrayConfig
from zeroskip.contracts.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch


class Method(StrEnum):
    """Pruning criteria; those of :data:`zeroskip.prune.CRITERIA`, named here so that ``--help`` does not wait for torch."""

    random = "random"
    magnitude = "magnitude"
    wanda = "wanda"
    gradient = "gradient"
    snip = "snip"
    taylor = "taylor"
    fisher = "fisher"
    grasp = "grasp"
    obs = "obs"


class Allocation(StrEnum):
    """How a sparsity is shared out among the layers."""

    uniform = "uniform"
    global_ = "global"
    erk = "erk"
    lamp = "lamp"


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """The options that choose masks, as they were given."""

    method: Method | None
    sparsity: float | None
    layers: Sequence[str]
    allocation: Allocation
    pattern: str | None
    exclude: Sequence[str]
    inputs: Path | None
    labels: Path | None
    seed: int


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


BATCH = 64
"""Samples in a batch of ``--inputs``."""

Batches = list[tuple["torch.Tensor", "torch.Tensor"]]


def make_masks(module: torch.nn.Module, asked: Pruning) -> dict[str, torch.Tensor] | None:
    """Masks by a criterion; None when none was asked for."""
    from zeroskip.prune import criterion_named, prunable
    from zeroskip.prune.masks.weights import resolve

    if asked.method is None or (asked.sparsity is None and not asked.layers):
        if asked.method is not None or asked.sparsity is not None or asked.layers:
            raise InputError("--method and --sparsity (or --layer): must be given together")
        return None
    sparsity: Any = asked.sparsity
    if asked.layers:
        if asked.allocation is not Allocation.uniform:
            raise InputError(f"--layer: cannot be combined with --allocation {asked.allocation.value}")
        named = dict(_layer_option(text) for text in asked.layers)
        everywhere = dict.fromkeys(prunable(module), asked.sparsity) if asked.sparsity is not None else {}
        sparsity = everywhere | {resolve(module, name, what="--layer"): share for name, share in named.items()}
    criterion = criterion_named(asked.method.value)
    batches = _batches(asked, criterion.needs)
    return criterion.masks(
        module, sparsity, batches, seed=asked.seed, allocation=asked.allocation.value, pattern=asked.pattern,
        exclude=asked.exclude,
    )  # fmt: skip


def _batches(asked: Pruning, needs: str) -> Batches | None:
    assert asked.method is not None
    if needs == "weights":
        return None
    if asked.inputs is None or (asked.labels is None and needs == "labels"):
        raise InputError(f"--method {asked.method.value}: needs --inputs{' and --labels' * (needs == 'labels')}")
    return load_batches(asked.inputs, asked.labels)


def load_batches(inputs: Path, labels: Path | None) -> Batches:
    """(inputs, labels) of ``BATCH`` samples each; without labels, where only inputs are needed, they are zeros."""
    import torch

    x = torch.from_numpy(load_array(inputs, "--inputs")).float()
    y = torch.from_numpy(load_array(labels, "--labels")).long() if labels is not None else x.new_zeros(len(x)).long()
    if len(x) != len(y):
        raise InputError(f"--labels: {labels}: must hold as many as --inputs, {len(x)}, not {len(y)}")
    return list(zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True))


def words(text: str, option: str) -> list[str]:
    """What stands between the commas; nothing may be empty."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"{option}: must be one or several with commas between, not {text!r}")
    return parts


def numbers(text: str, option: str) -> list[float]:
    """The same as numbers."""
    parts = words(text, option)
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise InputError(f"{option}: must be a number, or several with commas between, not {text!r}") from None


def _layer_option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise InputError(f"--layer: must be NAME=SPARSITY, as fc1=0.9, not {text!r}") from None
