"""Common steps of the ways of pruning: options that exclude each other, the calibration, and the written files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from zeroskip.cli.options import Batches
from zeroskip.cli.values import load_array
from zeroskip.contracts.errors import InputError
from zeroskip.storage.atomic import write_json

from .options import PruneOptions

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from zeroskip.explore.costs import Costs
    from zeroskip.prune import Masks


def refuse_with(option: str, others: Mapping[str, Any]) -> None:
    """Refuse the first of ``others``, by its option's name, that was given together with ``option``."""
    for name, value in others.items():
        if value:
            raise InputError(f"{option}: cannot be combined with {name}")


def calibration(options: PruneOptions) -> np.ndarray[Any, Any]:
    """The inputs (N, …) of --calibration, else of --inputs."""
    if options.calibration is not None:
        return load_array(options.calibration, "--calibration")
    if options.inputs is None:
        raise InputError("--calibration: must name a .npy file of inputs, since there are no --inputs to take instead")
    return load_array(options.inputs, "--inputs")


def adaptation(options: PruneOptions, batches: Batches | None) -> Callable[[nn.Module], None] | None:
    """The change to a pruned model before it is measured, or None."""
    import torch

    from zeroskip.prune.training.batch_norm import reestimate

    if not options.reestimate:
        return None
    if batches is None:
        raise InputError("--reestimate: needs --inputs")
    together = [torch.cat([x for x, _ in batches])]  # one large batch needs the fewest passes
    return lambda model: reestimate(model, together)


def require_writable(options: PruneOptions, method: str) -> None:
    """Refuse before the work what could not be written after it."""
    from zeroskip.prune import criterion_named
    from zeroskip.prune.masks.files import require_masks_path
    from zeroskip.prune.model.state import require_state_path

    require_masks_path(options.out)
    if options.weights is not None:
        require_state_path(options.weights)
        return
    for option, changes in (
        (f"--method {method}", criterion_named(method).updates),
        ("--reestimate", options.reestimate),
    ):
        if changes:
            raise InputError(f"{option}: changes what is kept of the model too; name a file for it with --weights")


def write_result(
    options: PruneOptions, model: nn.Module, masks: Masks, figures: Costs | None, facts: list[tuple[str, str]]
) -> None:
    """Save the weights if asked for, and show and save what is kept. The masks are written already."""
    from zeroskip.cli import tables
    from zeroskip.prune import summary
    from zeroskip.prune.model.state import save_state

    written = [("masks", str(options.out))]
    if options.weights is not None:
        save_state(model, options.weights)
        written.append(("weights", str(options.weights)))
    rows = summary(masks)
    write_json([row._asdict() for row in rows], options.out.with_suffix(".json"))
    columns = ["weight", "weights", "kept", "sparsity"]
    lines = [[row.name, f"{row.total:,}", f"{row.kept:,}", f"{row.sparsity:.2%}"] for row in rows]
    if figures is not None:
        columns.append("cycles")
        for line in lines:
            line.append(f"{figures.layers['cycles'].get(line[0], 0):,}")
        facts = [
            *facts, ("interval", f"{figures.cycles.interval:,} cycles"), ("latency", f"{figures.cycles.latency:,} cycles"),
            ("stored", f"{figures.stored_bits:,} bits"),
        ]  # fmt: skip
    tables.out.print(tables.NumberTable("Masks", columns, lines))
    tables.out.print(tables.pairs([*facts, *written]))
