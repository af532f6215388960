"""A sparsity of its own for each layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from zeroskip.spec.errors import InputError

from .magnitude import magnitude_scores
from .selection import exact_sparsity, select
from .weights import Masks, prunable, resolve

Scores = Mapping[str, torch.Tensor]


def layerwise(
    model: nn.Module,
    sparsities: Mapping[str, float],
    score: Callable[[nn.Module], Scores] | Scores = magnitude_scores,
) -> Masks:
    """Masks with the sparsity that ``sparsities`` gives each layer.

    model : as for :func:`magnitude`; it is not changed
    sparsities : name of a parameter or its module, ``fc1.weight`` or ``fc1`` → share to remove, 0 … 1, counted as in
        :func:`magnitude`. Layers it does not name keep all their weights.
    score : what ranks the weights, the lowest going first: a function from the model to a score tensor per weight, or those
        tensors, as :func:`gradient_scores` gives them; by default the magnitude

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError: an unknown name, a layer named twice, a sparsity outside 0 … 1, a score that is missing, of another shape,
    or not finite.
    """
    weights = prunable(model)
    wanted: dict[str, float] = {}
    for given, sparsity in sparsities.items():
        name = resolve(model, given, what="sparsities")
        if name in wanted:
            raise InputError(f"sparsities: {name!r} is given twice, as parameter and as module")
        exact_sparsity(sparsity, what=f"sparsity of {given!r}")
        wanted[name] = sparsity
    scores = score(model) if callable(score) else score
    masks = {name: torch.ones_like(weight.effective, dtype=torch.bool) for name, weight in weights.items()}
    for name, sparsity in wanted.items():
        shape = tuple(masks[name].shape)
        if name not in scores:
            raise InputError(f"score has no entry for {name!r}")
        if tuple(scores[name].shape) != shape:
            raise InputError(f"score of {name!r} must have the weight's shape {shape}, not {tuple(scores[name].shape)}")
        masks[name] = select({name: scores[name]}, sparsity)[name].to(masks[name].device)
    return masks
