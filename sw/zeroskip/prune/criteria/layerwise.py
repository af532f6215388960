"""A separate sparsity for each layer, by any scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection
from zeroskip.prune.masks.weights import Masks

from .magnitude import magnitude_scores

Scores = Mapping[str, torch.Tensor]


def layerwise(
    model: nn.Module,
    sparsities: Mapping[str, float],
    score: Callable[[nn.Module], Scores] | Scores = magnitude_scores,
    pattern: str | Pattern = "unstructured",
) -> Masks:
    """Masks with the sparsity that ``sparsities`` gives each layer, by given scores.

    model : as for :func:`magnitude`; it is not changed
    sparsities : name of a parameter or its module, ``fc1.weight`` or ``fc1`` → share to remove, 0 … 1, counted as in
        :func:`magnitude`. Layers that it does not name keep all their weights.
    score : ranks the weights, the lowest go first: a function from the model to one score tensor per weight, or these tensors, as
        :func:`gradient_scores` gives them; by default the magnitude
    pattern : as for :func:`magnitude`

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError as :func:`magnitude` does, and for a score that is missing, of another shape, or not finite.
    """
    selection = Selection.of(model, sparsities, pattern=pattern)
    return selection.masks(score(model) if callable(score) else score)
