"""The rise of the loss when one layer alone is pruned. A budget is shared out by it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import apply
from zeroskip.prune.masks.selection import MaskFunction, exact_sparsity
from zeroskip.prune.masks.weights import prunable, resolve_all
from zeroskip.prune.model.batches import Batch, Loss, scalar_loss, unpack
from zeroskip.prune.model.digest import digest, model_digest
from zeroskip.prune.model.duplicate import duplicate
from zeroskip.prune.model.preserve import preserving
from zeroskip.prune.model.results import Results


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """The loss by layer and sparsity, one layer pruned at a time.

    sparsities : ascending, from 0
    losses : by parameter name, one for each of ``sparsities``; the first is the loss of the model as it is, the same for all
    weights : number of weights of the layer, by parameter name
    """

    sparsities: tuple[Fraction, ...]
    losses: Mapping[str, tuple[float, ...]]
    weights: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "sparsities": [str(sparsity) for sparsity in self.sparsities],
            "losses": {name: list(losses) for name, losses in self.losses.items()}, "weights": dict(self.weights),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Sensitivity:
        return cls(
            sparsities=tuple(Fraction(sparsity) for sparsity in values["sparsities"]),
            losses={name: tuple(losses) for name, losses in values["losses"].items()}, weights=dict(values["weights"]),
        )  # fmt: skip


def sensitivity(
    model: nn.Module,
    mask_function: MaskFunction,
    evaluate: Callable[[nn.Module], float],
    sparsities: Iterable[float],
    *,
    exclude: Iterable[str] = (),
    cache: str | os.PathLike[str] | None = None,
    key: str = "",
    progress: Callable[[str], None] | None = None,
) -> Sensitivity:
    """Prune each layer alone to each of ``sparsities`` and evaluate the loss (Han et al., NIPS 2015, §3; Li et al., ICLR 2017, §3.2).

    model : is not changed; every pruning is tried on a copy in evaluation mode
    mask_function : ``mask_function(model, {name: sparsity})`` → masks; may change the kept weights of its copy
    evaluate : returns the loss of a pruned copy, one finite number, smaller is better, as :func:`loss_on` makes it. It may change the
        copy, for instance to re-estimate a BatchNorm
    sparsities : each 0 … 1, in any order; 0 is always measured too
    exclude : names of parameters or modules that are not measured
    cache : JSON file of losses. An interrupted call goes on where it stopped, and a finished one costs nothing. An entry holds for the
        same weights, layer, sparsity and ``key``
    key : names the mask function and the loss, so that one file may serve several
    progress : called with a line before each evaluation that the cache does not spare

    Raises InputError as :func:`prunable` and the mask function do, and for a sparsity outside 0 … 1, an unknown name, nothing left to
    measure, a loss that is not finite, and a cache that is no such file.
    """
    excluded = resolve_all(model, exclude, what="exclude")
    weights = {name: weight.effective.numel() for name, weight in prunable(model).items() if name not in excluded}
    if not weights:
        raise InputError("exclude: leaves no layer to measure")
    steps = tuple(sorted({Fraction(0), *(exact_sparsity(sparsity) for sparsity in sparsities)}))
    known = Results(cache)
    state = model_digest(model)
    total = 1 + len(weights) * (len(steps) - 1)
    done = 0

    def measured(layer: str, sparsity: Fraction) -> float:
        nonlocal done
        done += 1
        entry = digest((state, layer, str(sparsity), key))
        if entry not in known:
            if progress is not None:
                what = f"{layer} pruned to {float(sparsity):.3g}" if layer else "the model as it is"
                progress(f"sensitivity: {what}, {done} of {total}")
            known[entry] = _loss(model, mask_function, evaluate, layer, sparsity)
        return float(known[entry])

    base = measured("", Fraction(0))
    losses = {name: (base, *(measured(name, sparsity) for sparsity in steps[1:])) for name in weights}
    return Sensitivity(sparsities=steps, losses=losses, weights=weights)


def loss_on(batches: Iterable[Batch], loss: Loss = cross_entropy) -> Callable[[nn.Module], float]:
    """``evaluate`` for :func:`sensitivity`: the mean loss over ``batches``. Every call reads these (input, target) pairs anew."""

    def evaluate(model: nn.Module) -> float:
        device = next(model.parameters()).device
        total, count = 0.0, 0
        with preserving(model, []), torch.no_grad():
            for count, batch in enumerate(batches, start=1):
                inputs, target = unpack(batch, count - 1, device)
                total += float(scalar_loss(loss, model(*inputs), target))
        if count == 0:
            raise InputError("batches must hold at least one (input, target) pair, but is empty")
        return total / count

    return evaluate


def _loss(
    model: nn.Module,
    mask_function: MaskFunction,
    evaluate: Callable[[nn.Module], float],
    layer: str,
    sparsity: Fraction,
) -> float:
    tried = duplicate(model)
    if layer:
        apply(tried, mask_function(tried, {layer: sparsity}))
    loss = float(evaluate(tried))
    if not math.isfinite(loss):
        raise InputError(f"evaluate must return a finite number, not {loss!r} with {layer or 'nothing'} pruned")
    return loss
