"""The weights go whose product with the norm of their input is smallest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.layer_inputs import columns, users, watching
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks, prunable
from zeroskip.prune.model.batches import InputBatch, unpack_inputs
from zeroskip.prune.model.preserve import preserving


def wanda_scores(model: nn.Module, batches: Iterable[InputBatch]) -> dict[str, torch.Tensor]:
    """|weight| · ‖input‖₂ for every prunable weight, in its shape, on its device, float64. Errors as for :func:`wanda`.

    The norm covers all values that the weight was multiplied with, over samples and output positions, padding included. For a weight that
    several modules share it covers all their inputs together. For a layer that never ran it is 0.
    """
    weights = prunable(model)
    squares = {name: torch.zeros_like(weight.effective, dtype=torch.float64) for name, weight in weights.items()}

    def add(name: str, module: nn.Module, x: torch.Tensor) -> None:
        total = squares[name]
        sample = x.shape[1 - total.ndim :]  # (inputs,), (channels, length) or (channels, height, width)
        # Padding and unfolding only copy values. So the samples' squares are added first, and one sample is unfolded instead of all.
        seen = columns(module, x.double().square().reshape(-1, *sample).sum(0, keepdim=True)).sum(-1)
        # (groups, inputs of one output): all outputs of a group have the same inputs
        total += seen.repeat_interleave(len(total) // len(seen), 0).reshape(total.shape)

    device = next(iter(weights.values())).parameter.device
    count = 0
    with preserving(model, []), watching(users(model), add), torch.no_grad():
        for count, batch in enumerate(batches, start=1):
            model(*unpack_inputs(batch, count - 1, device))
    if count == 0:
        raise InputError("batches must hold at least one input, but is empty")
    return {name: weight.effective.abs() * squares[name].sqrt() for name, weight in weights.items()}


def wanda(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[InputBatch],
    allocation: str = "uniform",
    pattern: str | Pattern = "balanced:1",
    exclude: Iterable[str] = (),
) -> Masks:
    """Masks that remove the smallest |weight| · ‖input‖₂ of each output (Wanda: Sun et al., *A Simple and Effective Pruning Approach
    for Large Language Models*, ICLR 2024).

    The norm is that of the input feature that the weight meets, over all calibration inputs. In a convolution each pair of input channel
    and tap is a feature, seen at every output position. No gradients are needed.

    model : as for :func:`magnitude`. It runs in evaluation mode and is afterwards as before.
    sparsity : as for :func:`magnitude`
    batches : inputs, read once: tensors, tuples (input,), or pairs (input, target) whose target is not used. An input may be a tuple
        of several.
    allocation : as for :func:`magnitude`
    pattern : by default ``balanced:1``, as the paper compares weights within one output: each output loses ``floor(share * its
        weights)``. ``unstructured`` compares within the whole layer, or network.
    exclude : as for :func:`magnitude`

    Returns masks as :func:`magnitude` does, with the same order among equals.

    Raises InputError as :func:`magnitude` does, and for no batches, a batch that is none of these, and inputs that are not finite.
    """
    selection = Selection.of(model, sparsity, allocation, pattern, exclude)
    return selection.masks(wanda_scores(model, batches))
