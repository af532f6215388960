"""The criteria by name, and the data that each needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.patterns import Pattern
from zeroskip.prune.masks.selection import Sparsity
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.batches import InputBatch

from .fisher import fisher, fisher_scores
from .gradient import gradient, gradient_scores, snip, snip_scores, taylor, taylor_scores
from .grasp import grasp, grasp_scores
from .magnitude import magnitude, magnitude_scores
from .obs import obs, obs_scores
from .random import random, random_scores
from .wanda import wanda, wanda_scores

NEEDS = ("weights", "inputs", "labels")
"""Nothing but the weights; inputs that show the activations; inputs with their targets."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One of :data:`CRITERIA`.

    function : takes (model, sparsity), batches where it needs more than weights, then ``allocation``, ``pattern``, ``exclude``
    scores : gives the scores that rank the weights; takes (model), and batches where it needs more than weights
    needs : one of :data:`NEEDS`
    seeded : True where both take ``seed`` too
    updates : True where it changes the kept weights of the given model; all others leave the model as it was
    """

    name: str
    function: Callable[..., Masks]
    scores: Callable[..., dict[str, torch.Tensor]]
    needs: str = "weights"
    seeded: bool = False
    updates: bool = False

    @property
    def own_pattern(self) -> str:
        """The pattern that it uses where none is given."""
        return str(inspect.signature(self.function).parameters["pattern"].default)

    def shown(self, batches: Iterable[InputBatch] | None) -> tuple[Iterable[InputBatch], ...]:
        """``batches`` as an argument, or no argument where it needs only weights. Raises InputError for missing batches."""
        if self.needs == "weights":
            return ()
        if batches is None:
            raise InputError(
                f"criterion {self.name!r} needs batches of inputs{' and targets' * (self.needs == 'labels')}"
            )
        return (batches,)

    def masks(
        self,
        model: nn.Module,
        sparsity: Sparsity,
        batches: Iterable[InputBatch] | None = None,
        *,
        seed: int = 0,
        allocation: str = "uniform",
        pattern: str | Pattern | None = None,
        exclude: Iterable[str] = (),
    ) -> Masks:
        """The criterion's masks. Arguments that it does not need are left out. Without a ``pattern`` it uses its own.

        Raises InputError as the criterion does, and for missing batches.
        """
        given = self.shown(batches)
        options: dict[str, Any] = {"seed": seed} if self.seeded else {}
        if pattern is not None:
            options["pattern"] = pattern
        return self.function(model, sparsity, *given, allocation=allocation, exclude=exclude, **options)


CRITERIA: Mapping[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion(name="random", function=random, scores=random_scores, seeded=True),
        Criterion(name="magnitude", function=magnitude, scores=magnitude_scores),
        Criterion(name="wanda", function=wanda, scores=wanda_scores, needs="inputs"),
        Criterion(name="gradient", function=gradient, scores=gradient_scores, needs="labels"),
        Criterion(name="snip", function=snip, scores=snip_scores, needs="labels"),
        Criterion(name="taylor", function=taylor, scores=taylor_scores, needs="labels"),
        Criterion(name="fisher", function=fisher, scores=fisher_scores, needs="labels"),
        Criterion(name="grasp", function=grasp, scores=grasp_scores, needs="labels"),
        Criterion(name="obs", function=obs, scores=obs_scores, needs="inputs", updates=True),
    )
}
"""The criteria by the names that the command line uses."""


def criterion_named(name: str) -> Criterion:
    """The criterion of that name. Raises InputError, with all names, for an unknown one."""
    if name not in CRITERIA:
        raise InputError(f"criterion must be one of {', '.join(CRITERIA)}, not {name!r}")
    return CRITERIA[name]
