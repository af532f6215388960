"""Masks by a budget of weights, bits or cycles."""

from __future__ import annotations

from zeroskip.cli.accuracies import accuracy_rows, load_test_data
from zeroskip.cli.arguments import Method
from zeroskip.cli.options import load_batches
from zeroskip.contracts.errors import InputError

from .options import PruneOptions
from .result import adaptation, calibration, refuse_with, require_writable, write_result


def reach_budget(options: PruneOptions) -> None:
    """Choose masks by a budget. The measured losses are kept beside them."""
    from zeroskip.cli import tables
    from zeroskip.explore.budget import Budget, BudgetOptions, prune_to_budget
    from zeroskip.frontend import load_model
    from zeroskip.prune import save

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
    test = load_test_data(options.test_inputs, options.test_labels)
    with tables.progress() as progress:
        progress(f"loading {options.model}")
        search = BudgetOptions(
            method=method, pattern=options.pattern, seed=options.prune_seed, calibration=calibration(options), config=config,
            exclude=options.exclude or (), adapt=adaptation(options, batches), key="reestimated" * options.reestimate,
            cache=options.out.with_suffix(".losses.json"),
        )  # fmt: skip
        model = load_model(options.model)
        result = prune_to_budget(model, wanted, batches, search, progress=progress)
    save(result.masks, options.out)
    facts = [
        (wanted.kind, f"{result.cost:,} = {result.cost / result.dense:.2%} of {result.dense:,} with every weight kept"),
        ("budget", f"{result.limit:,}"),
        *accuracy_rows(
            {} if test is None else {
                "float dense": test.float_accuracy(model), "float masked": test.float_accuracy(result.model),
            },
            updated=method == Method.obs,
        ),
    ]  # fmt: skip
    write_result(options, result.model, result.masks, result.costs, facts)
