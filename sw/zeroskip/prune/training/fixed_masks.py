"""Training under fixed masks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from zeroskip.prune.masks.apply import apply, check, zero_removed
from zeroskip.prune.masks.weights import Weight, prunable

from .loop import Regime


class Masked(Regime):
    """Removed weights are exactly +0.0 at the start and after every step, with any optimizer.

    Their gradients are zero before each step too, so that no momentum or second moment gathers on them.
    """

    def __init__(self, model: nn.Module, masks: Mapping[str, torch.Tensor]) -> None:
        """Raises InputError for masks that do not fit."""
        check(model, masks)
        self.model = model
        self.weights = prunable(model)
        self.masks = {name: mask.to(self.weights[name].parameter.device) for name, mask in masks.items()}

    @property
    def masked(self) -> list[tuple[Weight, torch.Tensor]]:
        return [(self.weights[name], mask) for name, mask in self.masks.items()]

    def start(self, steps: int) -> None:
        apply(self.model, self.masks)

    def after_loss(self) -> None:
        for weight, mask in self.masked:
            if weight.parameter.grad is not None:
                weight.parameter.grad.masked_fill_(~mask, 0.0)

    def after_step(self, step: int) -> None:
        self.zero()

    def finish(self) -> None:
        self.zero()  # an interrupted step must not leave a removed weight behind

    def zero(self) -> None:
        for weight, mask in self.masked:
            zero_removed(weight, mask)
