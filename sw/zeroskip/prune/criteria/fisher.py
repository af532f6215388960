"""Optimal Brain Damage with the diagonal Fisher: the weights go whose removal is cheapest by a second-order model of the loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import Batch, Loss, unpack

from .gradient import accumulated, differentiable


def fisher_scores(model: nn.Module, batches: Iterable[Batch], loss: Loss = cross_entropy) -> dict[str, torch.Tensor]:
    """½ · weight² · mean over samples of (∂loss/∂weight)². Arguments and errors as for :func:`fisher`."""
    device = next(iter(differentiable(model).values())).parameter.device
    count = 0

    def samples() -> Iterator[Batch]:
        nonlocal count
        for index, batch in enumerate(batches):
            inputs, target = unpack(batch, index, device)
            shapes = [tuple(value.shape) for value in (*inputs, target)]
            if len({shape[:1] for shape in shapes}) != 1 or () in shapes:
                given = ", ".join(str(shape) for shape in shapes)
                raise InputError(f"batch {index} must have one target per sample, not the shapes {given}")
            for number in range(len(target)):
                count += 1
                yield tuple(value[number : number + 1] for value in inputs), target[number : number + 1]

    sums = accumulated(model, samples(), loss, lambda weight, grad: (weight * grad).square())
    return {name: total / (2 * count) for name, total in sums.items()}


def fisher(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    loss: Loss = cross_entropy,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the weights with the smallest ½ · weight² · F, where F is the diagonal of the empirical Fisher information.

    In a trained network the removal of a weight adds ½ · weight² times the Hessian's diagonal to the loss, to second order and without
    cross terms (LeCun, Denker & Solla, *Optimal Brain Damage*, NIPS 1989). The Fisher information stands in for the Hessian: the mean over
    samples of the squared gradient of each sample's own loss (Theis et al., *Faster gaze prediction with dense networks and Fisher
    pruning*, 2018). So, unlike :func:`taylor`, it does not depend on how samples are batched.

    model : as for :func:`gradient`
    sparsity : as for :func:`magnitude`
    batches : (input, target) pairs, read once. The first axis of every input and of the target counts samples. Samples run one by one,
        as batches of one: 1,024 samples of ResNet-20 take about ten seconds on one CPU core
    loss : ``loss(output, target)``, one number, of a batch of one sample
    allocation : as for :func:`magnitude`
    pattern : as for :func:`magnitude`
    exclude : as for :func:`magnitude`

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError as :func:`gradient` does, and for inputs and targets that differ in their number of samples.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(fisher_scores(model, batches, loss))
