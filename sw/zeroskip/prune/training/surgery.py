"""Masks that may grow back: weights are cut, and spliced in again, while the model trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Unpack

import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import complete
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Selection, Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import Batch

from .fixed_masks import Masked
from .loop import Epoch, Options, train
from .sparsity_schedule import Ramp, fraction, step_at


def surgery(
    model: nn.Module,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    *,
    epochs: int,
    allocation: str = "uniform",
    pattern: str | Pattern = "unstructured",
    exclude: Iterable[str] = (),
    initial: float = 0.0,
    begin: float = 0.0,
    end: float = 0.5,
    settle: float = 0.75,
    probability: float = 0.1,
    margin: float = 0.2,
    progress: Callable[[Epoch], None] | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Masks:
    """Train ``model`` in place with masks that are cut and grown back by the magnitudes of a dense copy of the weights (Guo, Yao &
    Chen, *Dynamic Network Surgery for Efficient DNNs*, NIPS 2016).

    The loss always sees the masked weights. Its gradient moves all weights of the copy, so a weight that was removed by mistake gathers
    magnitude until it is taken back. Unlike in the paper, it then starts from at most the largest magnitude that stays removed in its
    layer. The magnitude gathered while the loss did not see the weight says that it is missing, not how large it should be. At high
    sparsities such a weight would throw the network off.

    sparsity : sparsity in the end, as for :func:`~zeroskip.prune.criteria.magnitude.magnitude`
    batches : as for :func:`zeroskip.prune.fine_tune`; batches without ``len`` are read through once before the training
    epochs : as for :func:`zeroskip.prune.fine_tune`
    allocation : as for :func:`~zeroskip.prune.criteria.magnitude.magnitude`
    pattern : as for :func:`~zeroskip.prune.criteria.magnitude.magnitude`
    exclude : as for :func:`~zeroskip.prune.criteria.magnitude.magnitude`
    initial : sparsity from which the ramp rises along a cubic (:class:`~zeroskip.prune.training.sparsity_schedule.Ramp`)
    begin : start of the ramp, as a share of all steps, 0 … 1
    end : end of the ramp, as a share of all steps, not before ``begin``
    settle : share of all steps after which the masks are final, not before ``end``; the rest is training under them
    probability : probability that the masks are renewed before a step, at first, 0 … 1; it falls evenly to 0 at ``settle``
    margin : a kept weight counts as larger by this share of its magnitude, 0 or more; weights between the two thresholds stay as they are
    progress : as for :func:`zeroskip.prune.fine_tune`
    seed : as for :func:`zeroskip.prune.fine_tune`
    options : ``optimizer``, ``loss``, ``rate``, ``teacher``, ``temperature`` and ``distillation``, as for :func:`zeroskip.prune.fine_tune`

    Returns masks of exactly the asked sparsity. Removed weights are +0.0 then, and in every forward pass before. The model is left in
    evaluation mode.

    Raises InputError as :func:`magnitude` and :func:`fine_tune` do, and for a share or probability outside 0 … 1, shares out of order, an
    initial sparsity above the final one, and a margin below 0.
    """
    Selection.of(model, sparsity, allocation, pattern, exclude)  # refuses before the training
    ramp = Ramp(final=sparsity, initial=initial, begin=begin, end=end)
    if fraction(settle, "settle") < end:
        raise InputError(f"settle must not be before end, but is {settle} with an end of {end}")
    if isinstance(margin, bool) or not isinstance(margin, (int, float)) or not 0 <= margin < float("inf"):
        raise InputError(f"margin must be a finite number of 0 or more, not {margin!r}")

    def select(current: nn.Module, sparsity: Sparsity, kept: Masks) -> Masks:
        selection = Selection.of(current, sparsity, allocation, pattern, exclude)
        return selection.masks(
            {name: torch.where(kept[name], size * (1 + margin), size) for name, size in selection.magnitudes.items()}
        )

    regime = Surgery(model, select, ramp, settle, fraction(probability, "probability"), seed)
    train(model, regime, batches, epochs=epochs, progress=progress, seed=seed, **options)
    regime.complete()
    return regime.masks


class Surgery(Masked):
    """Masks renewed by ``select`` (model with dense weights, sparsity, masks so far) until ``settle``.

    Between steps the model holds the masked weights, and ``dense`` holds all. The optimizer's step finds the dense ones in the model.
    """

    paced = True

    def __init__(
        self,
        model: nn.Module,
        select: Callable[[nn.Module, Sparsity, Masks], Masks],
        ramp: Ramp,
        settle: float,
        probability: float,
        seed: int,
    ) -> None:
        super().__init__(model, complete(model, {}))
        self.select, self.ramp, self.settle, self.probability = select, ramp, settle, probability
        self.random = torch.Generator().manual_seed(seed)
        self.steps, self.last = 0, 0
        self.dense: dict[str, torch.Tensor] | None = {}

    def start(self, steps: int) -> None:
        self.steps, self.last = steps, step_at(self.settle, steps)
        self._part()

    def before_step(self, step: int) -> None:
        if self.dense is None:
            return
        if step >= self.last:
            self.complete()
            return
        self._whole()
        if torch.rand((), generator=self.random) < self.probability * (1 - step / self.last):
            self._renew(self.ramp.at(step / self.steps))

    def before_loss(self) -> None:
        self._part()

    def after_loss(self) -> None:
        if self.dense is None:
            super().after_loss()
        else:
            self._whole()

    def after_step(self, step: int) -> None:
        self._part()

    def complete(self) -> None:
        """Take the final masks from the dense weights, which are then given up."""
        if self.dense is not None:
            self._whole()
            self._renew(self.ramp.final)
            self.dense = None
            self.zero()

    def _renew(self, sparsity: Sparsity) -> None:
        """New masks from the dense weights. A weight that grows back comes in at most at the threshold."""
        before, self.masks = self.masks, self.select(self.model, sparsity, self.masks)
        with torch.no_grad():
            for name, mask in self.masks.items():
                parameter = self.weights[name].parameter
                grown, removed = mask & ~before[name], parameter[~mask].abs()
                if removed.numel():
                    limit = removed.max()
                    parameter.copy_(torch.where(grown, parameter.clamp(-limit, limit), parameter))

    def _part(self) -> None:
        """Keep the model's weights as the dense ones, and mask the model."""
        if self.dense is not None:
            self.dense = {name: weight.parameter.detach().clone() for name, weight in self.weights.items()}
        self.zero()

    def _whole(self) -> None:
        """Put the dense weights into the model."""
        with torch.no_grad():
            for name, value in (self.dense or {}).items():
                self.weights[name].parameter.copy_(value)
