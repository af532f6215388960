"""The one training loop behind every schedule. A :class:`Regime` is what a schedule does around each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.modules.batchnorm import _BatchNorm

from zeroskip.contracts.errors import InputError
from zeroskip.prune.model.batches import Batch, Loss, unpack
from zeroskip.prune.model.preserve import preserving

from .distillation import Objective, objective
from .learning_rates import Rate, factor

Optimizer = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
"""Trainable parameters → a torch optimizer for them."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of training.

    epoch : from 1
    loss : mean over the epoch's samples, as trained: under the mask, in training mode, teacher included
    """

    epoch: int
    loss: float


class Options(TypedDict, total=False):
    """Options that every schedule passes on to the training as they are. :func:`zeroskip.prune.fine_tune` explains each."""

    optimizer: Optimizer | None
    loss: Loss
    rate: Rate | None
    teacher: nn.Module | None
    temperature: float
    distillation: float
    frozen_norms: bool


class Regime:
    """The work on the weights around each step. This one trains every weight."""

    paced = False
    """Whether the schedule needs to know how many steps there will be."""

    def start(self, steps: int) -> None:
        """Runs before the first step. ``steps`` is the number of steps, 0 unless ``paced``."""

    def before_step(self, step: int) -> None:
        """Runs before step ``step``, counted from 0. The model is in training mode."""

    def before_loss(self) -> None:
        """Runs before each evaluation of the loss. Some optimizers make several per step."""

    def after_loss(self) -> None:
        """Runs after each evaluation of the loss. The gradients are there."""

    def after_step(self, step: int) -> None:
        """Runs when the optimizer has changed the weights."""

    def finish(self) -> None:
        """Runs at the end, also if an error ends the training in the middle of a step."""


def training_mode(model: nn.Module, frozen_norms: bool) -> None:
    """Training mode, but not for BatchNorm layers whose statistics are frozen."""
    model.train()
    if frozen_norms:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


def train(
    model: nn.Module,
    regime: Regime,
    batches: Iterable[Batch],
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    loss: Loss = cross_entropy,
    progress: Callable[[Epoch], None] | None = None,
    seed: int = 0,
    rate: Rate | None = None,
    teacher: nn.Module | None = None,
    temperature: float = 4.0,
    distillation: float = 0.5,
    frozen_norms: bool = False,
    first: int = 0,
) -> list[Epoch]:
    """Train ``model`` in place under ``regime``. The other arguments and the errors are as for :func:`zeroskip.prune.fine_tune`.

    first : steps that are left out at the beginning: their batches are read and not trained on, and the learning rate is that of the
        later steps

    Returns one :class:`Epoch` for each epoch that had a step. The model is left in evaluation mode without gradients.
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 0:
        raise InputError(f"epochs must be an integer of 0 or more, not {epochs!r}")
    if epochs > 1 and isinstance(batches, Iterator):
        raise InputError(
            "batches must be a list or DataLoader, read anew each epoch, not an iterator that ends after one"
        )
    aim = objective(model, loss, teacher, temperature, distillation)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise InputError("model has no trainable parameter: every requires_grad is off")
    device = parameters[0].device
    gpus = [device] if device.type == "cuda" else []
    history = []
    with torch.random.fork_rng(devices=gpus), preserving(teacher, []) if teacher else nullcontext():
        steps = epochs * number_of(batches) if epochs and (rate is not None or regime.paced) else 0
        stepper = make_optimizer(optimizer, parameters)
        regime.start(steps)
        torch.manual_seed(seed)
        rates = [group["lr"] for group in stepper.param_groups]
        step = 0
        try:
            training_mode(model, frozen_norms)
            for number in range(1, epochs + 1):
                total, samples, count = 0.0, 0, 0
                for index, batch in enumerate(batches):
                    count += 1
                    if step < first:
                        step += 1
                        continue
                    inputs, target = unpack(batch, index, device)
                    if rate is not None:
                        change = factor(rate, min(step / steps, 1.0))
                        for group, start in zip(stepper.param_groups, rates, strict=True):
                            group["lr"] = start * change
                    regime.before_step(step)
                    with torch.enable_grad():
                        value = _step(model, regime, stepper, aim, inputs, target)
                    regime.after_step(step)
                    step += 1
                    if not math.isfinite(value):
                        raise InputError(
                            f"loss became {value} in epoch {number}, batch {index}; lower the learning rate"
                        )
                    size = target.shape[0] if target.ndim else 1
                    total += value * size
                    samples += size
                if count == 0:
                    raise InputError("batches must hold at least one (input, target) pair, but is empty")
                if samples:
                    history.append(Epoch(epoch=number, loss=total / samples))
                    if progress is not None:
                        progress(history[-1])
                        # A caller that evaluates here may have left it in evaluation mode.
                        training_mode(model, frozen_norms)
        finally:
            regime.finish()
            stepper.zero_grad()
            model.eval()
    return history


def number_of(batches: Iterable[Batch]) -> int:
    """Batches in an epoch: their ``len``. Batches without ``len`` are read through once, without training.

    Raises InputError for an iterator, which the reading would use up.
    """
    try:
        return len(batches)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(batches, Iterator):
            raise InputError(
                "batches must be a list or DataLoader, since a schedule counts them first, not an iterator"
            ) from None
        return sum(1 for _ in batches)


def make_optimizer(factory: Optimizer | None, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Adam with a learning rate of 0.001 by default. Raises InputError for something that is no function or returns no optimizer."""
    if factory is None:
        return torch.optim.Adam(parameters, lr=1e-3)
    made = factory(parameters) if callable(factory) else factory
    if not callable(factory) or not isinstance(made, torch.optim.Optimizer):
        raise InputError(
            "optimizer must be a function from parameters to a torch optimizer, such as "
            f"lambda p: torch.optim.SGD(p, lr=0.1), not {type(made).__name__}"
        )
    return made


def _step(
    model: nn.Module,
    regime: Regime,
    stepper: torch.optim.Optimizer,
    aim: Objective,
    inputs: tuple[torch.Tensor, ...],
    target: torch.Tensor,
) -> float:
    """One step of the optimizer. Returns the loss before it."""

    def closure() -> float:
        stepper.zero_grad()
        regime.before_loss()
        value = aim(inputs, model(*inputs), target)
        torch.autograd.backward(value)
        regime.after_loss()
        return value.item()

    # As a closure, because LBFGS evaluates several times per step. The other optimizers call it once.
    return float(stepper.step(closure))
