"""Optimal Brain Surgeon, layer by layer: it removes what each layer's output can do without, and fits the kept weights to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.layer_inputs import second_moments
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks, prunable
from zeroskip.prune.model.batches import InputBatch
from zeroskip.prune.model.preserve import preserving

from .obs_elimination import removal_losses
from .reconstruct import check_damping, reconstruct

MOST_INPUTS = 4096
"""Most weights of one output. The matrix of their products and its inverses can still be held in memory."""


def obs_scores(
    model: nn.Module,
    batches: Iterable[InputBatch],
    *,
    damping: float = 0.01,
    progress: Callable[[str], None] | None = None,
    exclude: Iterable[str] = (),
) -> dict[str, torch.Tensor]:
    """The squared error that the removal of each weight adds to its layer's output, per position, relative to the layer's output.

    The other weights of its row make up for the removal, and cheaper weights are gone already: see :func:`removal_losses`. The error is
    divided by the squared output of the layer, so that ``global`` compares shares of it. Arguments and errors as for :func:`obs`. Layers to
    ``exclude``, by their parameters' names, score 0 and are not looked at. Layers that do not run, or see only zeros, are ranked by w².
    """
    check_damping(damping)
    weights = prunable(model)
    skipped = set(exclude)
    names = [name for name in weights if name not in skipped]
    for name in names:
        inputs = weights[name].effective[0].numel() if len(weights[name].effective) else 0
        if inputs > MOST_INPUTS:
            raise InputError(
                f"layer {name!r} has {inputs} weights per output, and Optimal Brain Surgeon takes at most {MOST_INPUTS}: exclude it"
            )
    with preserving(model, []), torch.no_grad():
        if progress is not None:
            progress("looking at the layers' inputs")
        moments = second_moments(model, list(batches), names)
        scores = {}
        for number, (name, weight) in enumerate(weights.items(), start=1):
            value = weight.effective
            if name in skipped or not value.numel():
                scores[name] = torch.zeros_like(value, dtype=torch.float64)
                continue
            if progress is not None:
                progress(f"ranking {name}, {number} of {len(weights)}")
            n = value[0].numel()
            moment = moments.get(name, torch.zeros(1, n, n, dtype=torch.float64, device=value.device))
            parts = value.double().reshape(len(moment), -1, n)
            losses = torch.stack([removal_losses(p, m, damping) for p, m in zip(parts, moment, strict=True)])
            energy = ((parts @ moment) * parts).sum()
            scores[name] = (losses / (energy if energy > 0 else 1)).reshape(value.shape)
    return scores


def obs(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Sequence[InputBatch],
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
    damping: float = 0.01,
    progress: Callable[[str], None] | None = None,
) -> Masks:
    """Masks that remove the weights without which the layers' outputs change least. **The kept weights are changed in place** to make up
    for the removed ones.

    This is Optimal Brain Surgeon per layer from calibration inputs (Hassibi & Stork, NIPS 1992; exact per row as in Frantar, Singh &
    Alistarh, *Optimal Brain Compression*, NeurIPS 2022), convolutions included.

    Weights are chosen on the dense model's inputs (:func:`obs_scores`). Then :func:`reconstruct` fits the kept ones, layer after layer. No
    gradients and no labels are needed.

    model : as for :func:`magnitude`, but its weights are changed. It runs in evaluation mode. Nothing else of it changes.
    sparsity : as for :func:`magnitude`
    batches : inputs, or (input, target) pairs whose targets are not looked at; read several times. A thousand images are usually enough
    allocation : as for :func:`magnitude`
    pattern : as for :func:`magnitude`
    exclude : as for :func:`magnitude`; excluded layers stay as they are
    damping : share of the mean squared input that is added to the moments' diagonal, above 0
    progress : called with a line before each layer

    Returns masks as :func:`magnitude` does. Time is O(outputs · n³) per layer for n weights per output.

    Raises InputError as :func:`magnitude` does, and for no or unusable batches, a layer of more than 4096 weights per output, a damping of
    0 or less, and a parametrized weight.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    batches = list(batches)
    masks = selection.masks(obs_scores(model, batches, damping=damping, progress=progress, exclude=selection.excluded))
    reconstruct(model, masks, batches, damping=damping, progress=progress)
    return masks
