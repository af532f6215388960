"""The meaning of the shared options together: an array, and the choice of masks."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.contracts.config import PRESETS, ArrayConfig
from zeroskip.contracts.errors import InputError

from .arguments import Allocation, Method
from .values import load_array

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ArrayOptions:
    """The options that choose an array, as they were given."""

    preset: Annotated[str | None, typer.Option(help=f"Array to start from: {', '.join(PRESETS)}.")] = None
    config: Annotated[
        Path | None, typer.Option(help="FILE.toml with fields of ArrayConfig. Options given here override it.")
    ] = None
    lanes: Annotated[int | None, typer.Option(help="Lanes, 1 … 64. Each takes one nonzero weight per cycle.")] = None
    columns: Annotated[
        int | None,
        typer.Option(
            help="Columns, 1 … 16. Each computes one output position (in a fully connected chain: one sample)."
        ),
    ] = None
    epilogues: Annotated[
        int | None,
        typer.Option(help="Epilogues: 1, 2 or 4. As many results of a column are written in one cycle."),
    ] = None
    word: Annotated[int | None, typer.Option(help="Bits of a mask word: 8, 16, 32 or 64.")] = None
    weight_bits: Annotated[int | None, typer.Option(help="Bits of a weight: 4, 8 or 16.")] = None

    def array(self) -> tuple[ArrayConfig, frozenset[str]]:
        """The array by preset, then file, then single options, and the names that these give. Unknown names are refused."""
        if self.preset is not None and self.preset not in PRESETS:
            raise InputError(f"--preset: must be one of {', '.join(PRESETS)}, not {self.preset!r}")
        values: dict[str, Any] = {}
        if self.preset is not None:
            values |= {name: value for name, value in PRESETS[self.preset].to_json().items() if value}
        if self.config is not None:
            values |= _read_toml(self.config)
        single = {
            "lanes": self.lanes, "columns": self.columns, "epilogues": self.epilogues, "word": self.word, "weight_bits": self.weight_bits,
        }  # fmt: skip
        values |= {name: value for name, value in single.items() if value is not None}
        where = str(self.config) if self.config is not None else "ArrayConfig"
        return ArrayConfig.from_json(values, where=where), frozenset(values)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        raise InputError(f"--config: {file}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"--config: {file}: is not TOML: {error}") from error


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


BATCH = 64
"""Samples in a batch of ``--inputs``."""

Batches = list[tuple["torch.Tensor", "torch.Tensor"]]


def make_masks(module: torch.nn.Module, asked: Pruning) -> dict[str, torch.Tensor] | None:
    """Masks by a criterion, or None when none was asked for."""
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
    """(inputs, labels) of ``BATCH`` samples each. Without labels, where only inputs are needed, the labels are zeros."""
    import torch

    x = torch.from_numpy(load_array(inputs, "--inputs")).float()
    y = torch.from_numpy(load_array(labels, "--labels")).long() if labels is not None else x.new_zeros(len(x)).long()
    if len(x) != len(y):
        raise InputError(f"--labels: {labels}: must hold as many as --inputs, {len(x)}, not {len(y)}")
    return list(zip(torch.split(x, BATCH), torch.split(y, BATCH), strict=True))


def _layer_option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise InputError(f"--layer: must be NAME=SPARSITY, as fc1=0.9, not {text!r}") from None
