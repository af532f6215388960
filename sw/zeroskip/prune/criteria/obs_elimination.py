"""The order in which a layer can do without its weights: the greedy backward elimination of Optimal Brain Surgeon."""

from __future__ import annotations

import torch

CHUNK = 1 << 25
"""Matrix entries worked on at a time: 256 MiB."""

COMPACT = 8
"""Rows with fewer weights than this are no longer compacted."""


def removal_losses(weight: torch.Tensor, moments: torch.Tensor, damping: float) -> torch.Tensor:
    """The squared error that each weight's removal adds to the layer's output, if weights go one by one.

    Each row is worked on alone. The weight that costs least goes, and the others make up for it as well as they can. This repeats until no
    weight is left. A weight that goes after a costlier one gets the loss of that one, so that lower losses always go first.

    weight : (rows, n)
    moments : (n, n) float64, Σ x·xᵀ of the inputs
    damping : share of the mean of the moments' diagonal that is added to the diagonal

    Returns (rows, n) float64. Hassibi & Stork, *Second Order Derivatives for Network Pruning: Optimal Brain Surgeon*, NIPS 1992;
    exact and row by row as in Frantar, Singh & Alistarh, *Optimal Brain Compression*, NeurIPS 2022. O(rows · n³).
    """
    inverse = torch.linalg.inv(damped(moments, damping))
    rows = max(1, CHUNK // max(1, inverse.numel()))
    parts = [_eliminate(part.double(), inverse) for part in torch.split(weight, rows)]
    return torch.cat(parts) if parts else weight.double()


def damped(moments: torch.Tensor, damping: float) -> torch.Tensor:
    """``moments`` made positive definite. For a layer that saw only zeros they become the identity."""
    added = damping * moments.diagonal().mean()
    return moments + torch.eye(len(moments), dtype=moments.dtype, device=moments.device) * (added if added > 0 else 1)


def _eliminate(weight: torch.Tensor, inverse: torch.Tensor) -> torch.Tensor:
    count, n = weight.shape
    row = torch.arange(count, device=weight.device)
    losses = torch.zeros_like(weight)
    weight, inverses = weight.clone(), inverse.expand(count, n, n).clone()
    origin = torch.arange(n, device=weight.device).expand(count, n)  # the weight that each column stands for
    gone = torch.zeros_like(weight, dtype=torch.bool)
    highest = torch.zeros_like(weight[:, 0])
    steps = 0
    for _ in range(n):
        diagonal = inverses.diagonal(dim1=1, dim2=2).clamp_min(torch.finfo(torch.float64).tiny)
        loss, least = torch.where(gone, torch.inf, weight.square() / diagonal).min(1)
        highest = torch.maximum(highest, loss)
        losses[row, origin[row, least]] = highest
        column, pivot = inverses[row, :, least], diagonal[row, least, None]
        weight -= column * (weight[row, least, None] / pivot)
        inverses.addcmul_((column / pivot)[:, :, None], column[:, None, :], value=-1)
        gone[row, least] = True
        steps += 1
        if 2 * steps >= weight.shape[1] > COMPACT:  # drop the columns of removed weights
            left = (~gone).nonzero()[:, 1].reshape(count, -1)
            weight, origin = weight.gather(1, left), origin.gather(1, left)
            inverses = inverses[row[:, None, None], left[:, :, None], left[:, None, :]]
            gone, steps = torch.zeros_like(weight, dtype=torch.bool), 0
    return losses
