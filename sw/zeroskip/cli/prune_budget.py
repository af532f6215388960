"""Masks by a budget of weights, bits or cycles."""

from __future__ import annotations

from zeroskip.contracts.errors import InputError

from .arguments import Method
from .options import load_batches
from .prune_options import PruneOptions
from .prune_result import adaptation, calibration, refuse_with, require_writable, write_result


def reach_budget(options: PruneOptions) -> None:
    """Masks by a budget; what was measured on the way is kept beside them."""
    from zeroskip.explore.budget import Budget, prune_to_budget
    from zeroskip.frontend import load_model
    from zeroskip.prune import save

    from . import tables

    config, _ = options.array()
    refuse_with("--budget", {
        "--sparsity": options.sparsity, "--layer": options.layer, "--allocation": options.allocation != "uniform",
    })  # fmt: skip
    assert options.budget is not None
    wanted = Budget.of(options.budget)
    if options.inputs is None or options.labels is None:
        raise InputError("--budget: needs --inputs and --labels, by which the layers' losses are measured")
    method = (options.method or Method.magnitude).value
    require_writable(options, method)
    batches = load_batches(options.inputs, options.labels)
    with tables.progress() as progress:
        progress(f"loading {options.model}")
        met = prune_to_budget(
            load_model(options.model), wanted, batches, criterion=method, calibration=calibration(options), config=config,
            pattern=options.pattern, exclude=options.exclude or (), adapt=adaptation(options, batches),
            key="reestimated" * options.reestimate, seed=options.prune_seed, cache=options.out.with_suffix(".losses.json"),
            progress=progress,
        )  # fmt: skip
    save(met.masks, options.out)
    facts = [
        (wanted.kind, f"{met.cost:,} = {met.cost / met.dense:.2%} of {met.dense:,} with every weight kept"),
        ("budget", f"{met.limit:,}"),
    ]
    write_result(options, met.model, met.masks, met.costs, facts)
