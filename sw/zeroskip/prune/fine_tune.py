"""Training under the mask: the kept weights learn to do without the removed ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.spec.errors import InputError

from .batches import Batch, Loss, scalar_loss, unpack
from .masks import apply, zero_removed
from .weights import Weight, prunable


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """epoch : from 1; loss : mean over the epoch's samples, as trained (under the mask, in training mode)."""

    epoch: int
    loss: float


def fine_tune(
    model: nn.Module,
    masks: Mapping[str, torch.Tensor],
    batches: Iterable[Batch],
    *,
    epochs: int,
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer] | None = None,
    loss: Loss = cross_entropy,
    progress: Callable[[Epoch], None] | None = None,
    seed: int = 0,
) -> list[Epoch]:
    """Train ``model`` in place while every removed weight stays exactly +0.0, whatever the optimizer.

    The masks are applied at the start; then gradients are masked before each step, so that no momentum or second moment
    gathers on a removed weight, and the masks applied again after it.

    masks : as :func:`magnitude` returns them; layers without one are trained unmasked, as are biases and normalisation
    batches : (input, target) pairs, read anew each epoch: a list or a DataLoader
    epochs : 0 or more
    optimizer : function from the trainable parameters to a torch optimizer, ``lambda p: torch.optim.SGD(p, lr=0.1)``; by default Adam
        with a learning rate of 0.001. Optimizers that evaluate the loss several times per step (LBFGS) work too.
    loss : ``loss(output, target)``, one number, the mean over the batch
    progress : called after each epoch
    seed : for torch's random numbers, dropout and a DataLoader's shuffling among them: the same seed gives the same weights on the
        same machine. The caller's random state is as before afterwards.

    Returns one :class:`Epoch` each. The model is trained in training mode and left in evaluation mode, as every later
    step wants it, with its gradients cleared.

    Raises InputError: masks that do not fit (:func:`check`), no batches, batches that can be read only once, a loss that is not one
    number or no longer finite, no trainable parameter. Once training has begun, the removed weights are zero then too.
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise InputError(f"epochs must be an integer of 0 or more, not {epochs!r}")
    if epochs > 1 and isinstance(batches, Iterator):
        raise InputError(
            "batches must be a list or DataLoader, read anew each epoch, not an iterator that ends after one"
        )
    apply(model, masks)
    weights = prunable(model)
    masked = [(weights[name], mask.to(weights[name].parameter.device)) for name, mask in masks.items()]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise InputError("model has no trainable parameter: every requires_grad is off")
    stepper = _optimizer(optimizer, trained)
    device = next(iter(weights.values())).parameter.device
    gpus = [device] if device.type == "cuda" else []
    history = []
    with torch.random.fork_rng(devices=gpus), torch.enable_grad():
        torch.manual_seed(seed)
        try:
            model.train()
            for number in range(1, epochs + 1):
                total, samples = 0.0, 0
                for index, batch in enumerate(batches):
                    inputs, target = unpack(batch, index, device)
                    value = _step(model, masked, stepper, loss, inputs, target)
                    if not math.isfinite(value):
                        raise InputError(
                            f"loss became {value} in epoch {number}, batch {index}; lower the learning rate"
                        )
                    count = target.shape[0] if target.ndim else 1
                    total += value * count
                    samples += count
                if samples == 0:
                    raise InputError("batches must hold at least one (input, target) pair, but is empty")
                history.append(Epoch(epoch=number, loss=total / samples))
                if progress is not None:
                    progress(history[-1])
                    model.train()  # a caller that evaluates here may have left it in evaluation mode
        finally:
            for weight, mask in masked:  # an interrupted step must not leave a removed weight behind
                zero_removed(weight, mask)
            stepper.zero_grad()
            model.eval()
    return history


def _step(
    model: nn.Module,
    masked: list[tuple[Weight, torch.Tensor]],
    stepper: torch.optim.Optimizer,
    loss: Loss,
    inputs: tuple[torch.Tensor, ...],
    target: torch.Tensor,
) -> float:
    """One step of the optimizer under the masks; returns the loss before it."""

    def closure() -> float:
        stepper.zero_grad()
        value = scalar_loss(loss, model(*inputs), target)
        torch.autograd.backward(value)
        for weight, mask in masked:
            if weight.parameter.grad is not None:
                weight.parameter.grad.masked_fill_(~mask, 0.0)
        return value.item()

    # as a closure because LBFGS evaluates several times a step; the other optimizers call it once
    value = float(stepper.step(closure))
    for weight, mask in masked:
        zero_removed(weight, mask)
    return value


def _optimizer(
    factory: Callable[[list[nn.Parameter]], torch.optim.Optimizer] | None, parameters: list[nn.Parameter]
) -> torch.optim.Optimizer:
    if factory is None:
        return torch.optim.Adam(parameters, lr=1e-3)
    made = factory(parameters) if callable(factory) else factory
    if not callable(factory) or not isinstance(made, torch.optim.Optimizer):
        raise InputError(
            "optimizer must be a function from parameters to a torch optimizer, such as "
            f"lambda p: torch.optim.SGD(p, lr=0.1), not {type(made).__name__}"
        )
    return made
