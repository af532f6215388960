"""The weights that the loss feels least go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.spec.errors import InputError

from .batches import Batch, Loss, scalar_loss, unpack
from .selection import exact_sparsity, select
from .weights import Masks, prunable, resolve_all


def gradient_scores(
    model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy, *, times_weight: bool = False
) -> dict[str, torch.Tensor]:
    """Σ over batches of |∂loss/∂weight|, or of |weight · ∂loss/∂weight|, for every prunable weight.

    Same arguments and errors as :func:`gradient`; the result has each weight's shape and device.
    """
    weights = prunable(model)
    parameters = [weight.parameter for weight in weights.values()]
    scores = [torch.zeros_like(parameter) for parameter in parameters]
    count = 0
    with _undisturbed(model, parameters), torch.enable_grad():
        for count, batch in enumerate(batches, start=1):
            inputs, target = unpack(batch, count - 1, parameters[0].device)
            value = scalar_loss(loss, model(*inputs), target)
            # autograd.grad returns the gradients instead of adding them to .grad; a weight the loss does not use has None
            for score, grad in zip(scores, torch.autograd.grad(value, parameters, allow_unused=True), strict=True):
                if grad is not None:
                    score += grad.abs()
    if count == 0:
        raise InputError("batches must hold at least one (input, target) pair, but is empty")
    if times_weight:
        scores = [score * weight.effective.abs() for score, weight in zip(scores, weights.values(), strict=True)]
    return {name: score.detach() for name, score in zip(weights, scores, strict=True)}


def gradient(
    model: nn.Module,
    sparsity: float,
    batches: Iterable[Batch],
    loss: Callable[[Any, torch.Tensor], torch.Tensor] = cross_entropy,
    scope: str = "layer",
    times_weight: bool = False,
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the weights with the smallest accumulated gradient of the loss.

    The score is the first-order effect of a weight on the loss: the relevance of Mozer & Smolensky, *Skeletonization* (NIPS
    1988), taken per weight; with ``times_weight`` it is |weight · gradient|, the connection sensitivity of SNIP (Lee, Ajanthan &
    Torr, ICLR 2019), here summed over batches.

    model : as for :func:`magnitude`. It runs in evaluation mode (dropout off, BatchNorm on its running statistics), and its
        parameters, gradients, buffers and training mode are afterwards as before.
    sparsity, scope, exclude : as for :func:`magnitude`
    batches : (input, target) pairs, read once; each batch weighs the same. An input may be a tuple of several.
    loss : ``loss(output, target)``, one number
    times_weight : whether to multiply by the weight

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError: what :func:`magnitude` raises; no batches; a batch that is no pair; a loss of more than one number;
    gradients with NaN or infinity.
    """
    exact_sparsity(sparsity)  # a wrong figure is told before the batches are worked through
    excluded = resolve_all(model, exclude, what="exclude")
    scores = gradient_scores(model, batches, loss, times_weight=times_weight)
    return select(scores, sparsity, scope=scope, exclude=excluded)


@contextmanager
def _undisturbed(model: nn.Module, parameters: list[nn.Parameter]) -> Iterator[None]:
    """Evaluation mode with gradients on ``parameters``; every flag and buffer is put back at the end, whatever happened."""
    modes = [(module, module.training) for module in model.modules()]
    frozen = [parameter for parameter in parameters if not parameter.requires_grad]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    model.eval()
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
