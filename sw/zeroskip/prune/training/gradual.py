"""Pruning step by step while the model trains."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Unpack

from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import complete
from zeroskip.prune.masks.nesting import nested
from zeroskip.prune.masks.selection import MaskFunction, Selection, Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import Batch

from .fixed_masks import Masked
from .loop import Epoch, Options, train
from .sparsity_schedule import Ramp, step_at


def gradual(
    model: nn.Module,
    mask_function: MaskFunction,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    *,
    epochs: int,
    initial: float = 0.0,
    begin: float = 0.0,
    end: float = 0.7,
    updates: int = 30,
    progress: Callable[[Epoch], None] | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> Masks:
    """Train ``model`` in place while its sparsity rises from ``initial`` to ``sparsity`` along a cubic, and then on under the last masks
    (Zhu & Gupta, *To prune, or not to prune: exploring the efficacy of pruning for model compression*, 2017).

    mask_function : function of (model, sparsity): ``magnitude`` itself,
        ``functools.partial(magnitude, allocation="lamp", exclude=["head"])``, or ``lambda model, s: taylor(model, s, few_batches)``. It
        sees the model with its removed weights at zero.
    sparsity : share to remove, 0 … 1, or one per layer; at last ``mask_function`` gets it as it is
    batches : as for :func:`zeroskip.prune.fine_tune`; batches without ``len`` are read through once before the training
    epochs : as for :func:`zeroskip.prune.fine_tune`
    initial : sparsity at the beginning of the ramp; layers with a lower final sparsity begin with that
    begin : start of the ramp, as a share of all steps, 0 … 1
    end : end of the ramp, as a share of all steps, not before ``begin``
    updates : how often the masks are renewed within the ramp, at even distances
    progress : as for :func:`zeroskip.prune.fine_tune`
    seed : as for :func:`zeroskip.prune.fine_tune`
    options : ``optimizer``, ``loss``, ``rate``, ``teacher``, ``temperature`` and ``distillation``, as for :func:`zeroskip.prune.fine_tune`

    Returns the masks of exactly the final sparsity as the mask function counts it. Removed weights are +0.0. A weight once removed stays
    removed. Most mask functions rank zeros last and want no weight back. For each weight that one wants back, a weight that it would remove
    stays instead, the largest first. The model is left in evaluation mode.

    Raises InputError as ``mask_function`` and :func:`fine_tune` do, and for a share outside 0 … 1, an end before the beginning, an initial
    sparsity above the final one, and fewer than 1 update.
    """
    Selection.of(model, sparsity)  # refuses before the training
    regime = Gradual(model, mask_function, Ramp(final=sparsity, initial=initial, begin=begin, end=end), updates)
    train(model, regime, batches, epochs=epochs, progress=progress, seed=seed, **options)
    regime.complete()
    return regime.masks


class Gradual(Masked):
    """Masks that ``mask_function`` shrinks along ``ramp``."""

    paced = True

    def __init__(self, model: nn.Module, mask_function: MaskFunction, ramp: Ramp, updates: int) -> None:
        super().__init__(model, complete(model, {}))
        if isinstance(updates, bool) or not isinstance(updates, int) or updates < 1:
            raise InputError(f"updates must be an integer of 1 or more, not {updates!r}")
        self.mask_function, self.ramp, self.updates = mask_function, ramp, updates
        self.due: dict[int, Sparsity] = {}
        self.final = False

    def start(self, steps: int) -> None:
        first, last = step_at(self.ramp.begin, steps), step_at(self.ramp.end, steps)
        for number in range(self.updates):
            step = first + (last - first) * number // self.updates
            self.due[step] = self.ramp.at(step / steps) if steps else self.ramp.final
        self.due[last] = self.ramp.final

    def before_step(self, step: int) -> None:
        if step in self.due:
            self.renew(self.due[step])

    def complete(self) -> None:
        """Take the final masks, if the training ended before they were due."""
        if not self.final:
            self.renew(self.ramp.final)

    def renew(self, sparsity: Sparsity) -> None:
        modes = [(module, module.training) for module in self.model.modules()]
        wanted = complete(self.model, self.mask_function(self.model, sparsity))
        for module, training in modes:  # a user's mask function may leave it in evaluation mode
            module.training = training
        magnitudes = {name: weight.effective.abs() for name, weight in self.weights.items()}
        self.masks = nested(wanted, self.masks, magnitudes)
        self.zero()
        self.final = sparsity is self.ramp.final
