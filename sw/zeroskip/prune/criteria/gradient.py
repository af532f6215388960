"""The weights go that the loss feels least: by the gradient alone, or by the gradient times the weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks, Weight, prunable
from zeroskip.prune.model.batches import Batch, Loss, scalar_loss, unpack
from zeroskip.prune.model.preserve import preserving

Term = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(weight, gradient of one batch's loss) → the batch's part of the score."""


def accumulated(model: nn.Module, batches: Iterable[Batch], loss: Loss, term: Term) -> dict[str, torch.Tensor]:
    """Σ over batches of ``term`` for every prunable weight, in its shape, on its device, in float32 at least.

    Raises InputError as :func:`differentiable` does, and for no batches, a batch that is no pair, and a loss of more than one number or
    without a gradient.
    """
    weights = differentiable(model)
    parameters = [weight.parameter for weight in weights.values()]
    values = [weight.effective for weight in weights.values()]
    # A half-precision sum would lose the later batches to rounding.
    scores = [torch.zeros_like(v, dtype=torch.promote_types(v.dtype, torch.float32)) for v in values]
    count = 0
    with preserving(model, parameters), torch.enable_grad():
        for count, batch in enumerate(batches, start=1):
            gradients = batch_gradients(model, batch, count - 1, loss, parameters)
            for score, value, grad in zip(scores, values, gradients, strict=True):
                if grad is not None:
                    score += term(value.to(score.dtype), grad.to(score.dtype))
    if count == 0:
        raise InputError("batches must hold at least one (input, target) pair, but is empty")
    return dict(zip(weights, scores, strict=True))


def differentiable(model: nn.Module) -> dict[str, Weight]:
    """:func:`prunable`, refused where a weight has no gradient of its own.

    Raises InputError as :func:`prunable` does, and for a parametrization whose original has another shape than the weight.
    """
    weights = prunable(model)
    for name, weight in weights.items():
        if weight.parameter.shape != weight.effective.shape:
            raise InputError(
                f"weight {name!r} has a parametrization of another shape; "
                "remove it with torch.nn.utils.parametrize.remove_parametrizations"
            )
    return weights


def batch_gradients(
    model: nn.Module,
    batch: Batch,
    index: int,
    loss: Loss,
    parameters: list[nn.Parameter],
    *,
    create_graph: bool = False,
) -> tuple[torch.Tensor | None, ...]:
    """∂loss/∂parameter on one batch; None for a parameter that the loss does not use. ``create_graph`` allows a second derivative."""
    inputs, target = unpack(batch, index, parameters[0].device)
    value = scalar_loss(loss, model(*inputs), target)
    if not value.requires_grad:
        raise InputError("loss must depend on the model's weights, but has no gradient")
    # autograd.grad returns the gradients instead of adding them to .grad
    return torch.autograd.grad(value, parameters, allow_unused=True, create_graph=create_graph)


def gradient_scores(model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy) -> dict[str, torch.Tensor]:
    """Σ over batches of |∂loss/∂weight|. Arguments and errors as for :func:`gradient`."""
    return accumulated(model, batches, loss, lambda weight, grad: grad.abs())


def snip_scores(model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy) -> dict[str, torch.Tensor]:
    """Σ over batches of |weight · ∂loss/∂weight|. Arguments and errors as for :func:`snip`."""
    return accumulated(model, batches, loss, lambda weight, grad: (weight * grad).abs())


def taylor_scores(model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy) -> dict[str, torch.Tensor]:
    """Σ over batches of (weight · ∂loss/∂weight)². Arguments and errors as for :func:`taylor`."""
    return accumulated(model, batches, loss, lambda weight, grad: (weight * grad).square())


def gradient(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    loss: Loss = cross_entropy,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the weights with the smallest accumulated gradient of the loss.

    The score is the first-order effect of a weight on the loss: the relevance of Mozer & Smolensky, *Skeletonization* (NIPS 1988), taken
    per weight.

    model : as for :func:`magnitude`. It runs in evaluation mode (dropout off, BatchNorm on its running statistics). Afterwards its
        parameters, gradients, buffers and training mode are as before.
    sparsity : as for :func:`magnitude`
    batches : (input, target) pairs, read once; each batch weighs the same. An input may be a tuple of several.
    loss : ``loss(output, target)``, one number
    allocation : as for :func:`magnitude`
    pattern : as for :func:`magnitude`
    exclude : as for :func:`magnitude`

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError as :func:`magnitude` does, and for no batches, a batch that is no pair, a loss of more than one number or without a
    gradient, gradients with NaN or infinity, and a parametrization whose original has another shape than the weight.
    """
    # Refuses before the batches are worked through.
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(gradient_scores(model, batches, loss))


def snip(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    loss: Loss = cross_entropy,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the smallest |weight · gradient|: the connection sensitivity of SNIP (Lee, Ajanthan & Torr, *SNIP:
    Single-shot Network Pruning based on Connection Sensitivity*, ICLR 2019), here summed over batches.

    Arguments, result and errors as for :func:`gradient`.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(snip_scores(model, batches, loss))


def taylor(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    loss: Loss = cross_entropy,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the smallest (weight · gradient)², summed over batches: the square of the first-order Taylor estimate of what a
    weight's removal does to the loss (Molchanov et al., *Importance Estimation for Neural Network Pruning*, CVPR 2019).

    Arguments, result and errors as for :func:`gradient`.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(taylor_scores(model, batches, loss))
