"""Methods of pruning side by side: table, ``compare.json`` and plots."""

from __future__ import annotations

from zeroskip.cli.options import load_batches
from zeroskip.cli.values import load_array, numbers, words
from zeroskip.contracts.errors import InputError, ToolMissingError

from .options import PruneOptions
from .result import adaptation, calibration, refuse_with


def compare_methods(options: PruneOptions) -> None:
    """Write table, ``compare.json`` and plots to the folder ``options.out``."""
    from zeroskip.cli import tables
    from zeroskip.explore import plots
    from zeroskip.explore.comparison import ComparisonOptions, compare
    from zeroskip.frontend import load_model

    config, _ = options.array()
    refuse_with("--compare", {
        "--method": options.method, "--budget": options.budget, "--layer": options.layer, "--weights": options.weights,
    })  # fmt: skip
    if options.sparsity is None or options.test_inputs is None or options.test_labels is None:
        raise InputError("--compare: needs --sparsity, --test-inputs and --test-labels")
    batches = None if options.inputs is None else load_batches(options.inputs, options.labels)
    compared = ComparisonOptions(
        methods=words(options.compare or "", "--compare"), sparsities=numbers(options.sparsity, "--sparsity"),
        test=(load_array(options.test_inputs, "--test-inputs"), load_array(options.test_labels, "--test-labels")),
        calibration=calibration(options), batches=batches, allocations=words(options.allocation, "--allocation"),
        patterns=[] if options.pattern is None else words(options.pattern, "--pattern"), exclude=options.exclude or (),
        config=config, adapt=adaptation(options, batches), key="reestimated" * options.reestimate, seed=options.prune_seed,
    )  # fmt: skip
    with tables.progress() as progress:
        progress(f"loading {options.model}")
        rows = compare(load_model(options.model), compared, folder=options.out, progress=progress)
    tables.out.print(tables.comparison(rows))
    pictures = [options.out / f"compare.{suffix}" for suffix in ("png", "svg")]
    try:
        plots.plot(rows, *pictures)
        plot = ", ".join(map(str, pictures))
    except ToolMissingError as error:
        plot = f"not drawn: {error}"
    tables.out.print(tables.pairs([("figures", str(options.out / "compare.json")), ("plot", plot)]))
