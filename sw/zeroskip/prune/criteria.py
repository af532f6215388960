"""The criteria by name, and what each needs to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from zeroskip.spec.errors import InputError

from .batches import InputBatch
from .control import random
from .fisher import fisher
from .gradient import gradient, snip, taylor
from .grasp import grasp
from .magnitude import magnitude
from .obs import obs
from .patterns import Pattern
from .selection import Sparsity
from .wanda import wanda
from .weights import Masks

NEEDS = ("weights", "inputs", "labels")
"""Nothing but the weights; inputs that show the activations; inputs with their targets."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """One of :data:`CRITERIA`.

    function : takes (model, sparsity), batches where it needs more than weights, then ``allocation``, ``pattern``, ``exclude``
    needs : one of :data:`NEEDS`
    seeded : takes ``seed`` too
    updates : changes the kept weights of the model it is given; all others leave the model as it was
    """

    name: str
    function: Callable[..., Masks]
    needs: str = "weights"
    seeded: bool = False
    updates: bool = False

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
        """The criterion's masks; what it does not need is left out, and without a ``pattern`` the criterion's own is taken.

        Raises InputError as the criterion does; batches missing.
        """
        if self.needs != "weights" and batches is None:
            raise InputError(
                f"criterion {self.name!r} needs batches of inputs{' and targets' * (self.needs == 'labels')}"
            )
        given: tuple[Any, ...] = () if self.needs == "weights" else (batches,)
        options: dict[str, Any] = {"seed": seed} if self.seeded else {}
        if pattern is not None:
            options["pattern"] = pattern
        return self.function(model, sparsity, *given, allocation=allocation, exclude=exclude, **options)


CRITERIA: Mapping[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion(name="random", function=random, seeded=True),
        Criterion(name="magnitude", function=magnitude),
        Criterion(name="wanda", function=wanda, needs="inputs"),
        Criterion(name="gradient", function=gradient, needs="labels"),
        Criterion(name="snip", function=snip, needs="labels"),
        Criterion(name="taylor", function=taylor, needs="labels"),
        Criterion(name="fisher", function=fisher, needs="labels"),
        Criterion(name="grasp", function=grasp, needs="labels"),
        Criterion(name="obs", function=obs, needs="inputs", updates=True),
    )
}
"""By the name that the command line uses."""


def criterion_named(name: str) -> Criterion:
    """Raises InputError for an unknown name, with those that there are."""
    if name not in CRITERIA:
        raise InputError(f"criterion must be one of {', '.join(CRITERIA)}, not {name!r}")
    return CRITERIA[name]
