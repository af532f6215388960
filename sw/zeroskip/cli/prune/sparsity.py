"""Masks by a sparsity of the whole network or of single layers."""

from __future__ import annotations

from zeroskip.cli.accuracies import accuracy_rows, load_test_data
from zeroskip.cli.arguments import Allocation, Method
from zeroskip.cli.options import Pruning, load_batches, make_masks
from zeroskip.cli.values import numbers
from zeroskip.contracts.errors import InputError

from .options import PruneOptions
from .result import adaptation, calibration, require_writable, write_result


def reach_sparsity(options: PruneOptions) -> None:
    """Choose masks by a sparsity of the whole network or of single layers."""
    from zeroskip.cli import tables
    from zeroskip.explore.costs import costs
    from zeroskip.frontend import load_model
    from zeroskip.prune import apply, save

    config, _ = options.array()
    test = load_test_data(options.test_inputs, options.test_labels)
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
    accuracies = {} if test is None else {"float dense": test.float_accuracy(module)}
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
    if test is not None:
        accuracies["float masked"] = test.float_accuracy(module)
    save(chosen, options.out)
    write_result(options, module, chosen, figures, accuracy_rows(accuracies, updated=method == Method.obs))
