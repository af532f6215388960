"""Masks by a sparsity of the whole, or of layers."""

from __future__ import annotations

from zeroskip.contracts.errors import InputError

from .arguments import Allocation, Method
from .options import Pruning, load_batches, make_masks
from .prune_options import PruneOptions
from .prune_result import adaptation, calibration, require_writable, write_result
from .values import numbers


def reach_sparsity(options: PruneOptions) -> None:
    """Masks by a sparsity of the whole, or of layers."""
    from zeroskip.explore.costs import costs
    from zeroskip.frontend import load_model
    from zeroskip.prune import apply, save

    from . import tables

    config, _ = options.array()
    for name, value in (("--test-inputs", options.test_inputs), ("--test-labels", options.test_labels)):
        if value is not None:
            raise InputError(f"{name}: is for --compare")
    method = (options.method or Method.magnitude).value
    require_writable(options, method)
    if options.allocation not in [allocation.value for allocation in Allocation]:
        allowed = ", ".join(allocation.value for allocation in Allocation)
        raise InputError(
            f"--allocation: must be one of {allowed}, or with --compare several, not {options.allocation!r}"
        )
    if options.sparsity is None and not options.layer:
        raise InputError("--sparsity: must be given, or --layer or --budget")
    shares = [] if options.sparsity is None else numbers(options.sparsity, "--sparsity")
    if len(shares) > 1:
        raise InputError(f"--sparsity: takes several only with --compare, not {options.sparsity!r}")
    batches = None if options.inputs is None or not options.reestimate else load_batches(options.inputs, None)
    adapt = adaptation(options, batches)
    module = load_model(options.model)
    pruning = Pruning(
        method=Method(method), sparsity=shares[0] if shares else None, layers=options.layer or (),
        allocation=Allocation(options.allocation),
        pattern=options.pattern, exclude=options.exclude or (), inputs=options.inputs, labels=options.labels, seed=options.prune_seed,
    )  # fmt: skip
    chosen = make_masks(module, pruning)
    assert chosen is not None
    apply(module, chosen)
    if adapt is not None:
        adapt(module)
    figures = None
    if options.calibration is not None:
        with tables.progress() as progress:
            progress("predicting cycles")
            figures = costs(module, chosen, calibration=calibration(options), config=config)
    save(chosen, options.out)
    write_result(options, module, chosen, figures, [])
