"""Gradient signal preservation: the weights go without which the gradient of the loss is largest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import Batch, Loss
from zeroskip.prune.model.preserve import preserving

from .gradient import batch_gradients, differentiable


def grasp_scores(model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy) -> dict[str, torch.Tensor]:
    """The products weight · (H g), of either sign, for every prunable weight, in its shape, on its device, in float32 at least.

    L is the mean of the batches' losses, g = ∂L/∂weights over all prunable weights, H the Hessian of L over the same weights. The score is
    the amount by which the weight's removal lowers ½ · ‖g‖², to first order. Arguments and errors as for :func:`grasp`.
    """
    if isinstance(batches, Iterator):
        raise InputError("batches must be a list or DataLoader, read twice, not an iterator that ends after one pass")
    weights = differentiable(model)
    parameters = [weight.parameter for weight in weights.values()]
    wide = [torch.promote_types(parameter.dtype, torch.float32) for parameter in parameters]
    flow = [torch.zeros_like(p, dtype=dtype) for p, dtype in zip(parameters, wide, strict=True)]
    product = [torch.zeros_like(total) for total in flow]
    count = 0
    with preserving(model, parameters), torch.enable_grad():
        for count, batch in enumerate(batches, start=1):
            _add(flow, batch_gradients(model, batch, count - 1, loss, parameters))
        if count == 0:
            raise InputError("batches must hold at least one (input, target) pair, but is empty")
        for index, batch in enumerate(batches):
            gradients = batch_gradients(model, batch, index, loss, parameters, create_graph=True)
            # The gradient of <g, ∂L/∂weights> with g held constant is H g. A gradient that no weight changes adds nothing to it.
            terms = [
                (total.to(grad.dtype) * grad).sum()
                for total, grad in zip(flow, gradients, strict=True)
                if grad is not None and grad.requires_grad
            ]
            if terms:
                _add(product, torch.autograd.grad(torch.stack(terms).sum(), parameters, allow_unused=True))
    return {
        name: weight.effective.to(curved.dtype) * curved / count**2
        for (name, weight), curved in zip(weights.items(), product, strict=True)
    }


def _add(totals: list[torch.Tensor], values: Iterable[torch.Tensor | None]) -> None:
    for total, value in zip(totals, values, strict=True):
        if value is not None:
            total += value


def grasp(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    loss: Loss = cross_entropy,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that keep the gradient of the loss large, so that the pruned network trains well (GraSP: Wang, Zhang & Grosse,
    *Picking Winning Tickets Before Training by Preserving Gradient Flow*, ICLR 2020).

    The paper scores each weight S = −weight · (H g), with the gradient g and the Hessian H of the loss. S is half of what the weight's
    removal adds to ‖g‖², to first order. The weights with the highest S go: these have the lowest :func:`grasp_scores`, which are −S. A
    weight that is zero scores 0, so it is not among the first to go. The paper prunes networks before their training. In a trained network
    the gradient is all but zero, and the scores say little.

    model : as for :func:`gradient`. Weights removed under :mod:`torch.nn.utils.prune` have no part in g; frozen parameters do.
    sparsity : as for :func:`magnitude`
    batches : (input, target) pairs, read twice: a list or a DataLoader; each batch weighs the same
    loss : ``loss(output, target)``, one number, twice differentiable. The paper divides the logits by 200 first.
    allocation : as for :func:`magnitude`
    pattern : as for :func:`magnitude`
    exclude : as for :func:`magnitude`

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError as :func:`gradient` does, and for batches that can be read only once.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(grasp_scores(model, batches, loss))
