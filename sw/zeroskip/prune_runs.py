"""What ``zeroskip prune`` does: masks by a sparsity, masks by a budget, or methods beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import InputError, ToolMissingError
from zeroskip.options import Allocation, Batches, Method, Pruning, load_array, load_batches, make_masks, numbers, words

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from zeroskip.costs import Costs
    from zeroskip.prune import Masks


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of the command, as they were given."""

    model: str
    out: Path
    method: Method | None
    sparsity: str | None
    budget: str | None
    compare: str | None
    allocation: str
    pattern: str | None
    layer: list[str]
    exclude: list[str]
    inputs: Path | None
    labels: Path | None
    test_inputs: Path | None
    test_labels: Path | None
    calibration: Path | None
    weights: Path | None
    reestimate: bool
    config: ArrayConfig
    seed: int


def _refuse(option: str, others: Mapping[str, Any]) -> None:
    for name, value in others.items():
        if value:
            raise InputError(f"{option}: cannot be combined with {name}")


def compare_methods(asked: Asked) -> None:
    """Table, ``compare.json`` and plots in the folder ``asked.out``."""
    from zeroskip import plots, tables
    from zeroskip.comparison import compare
    from zeroskip.frontend import load_model

    _refuse("--compare", {
        "--method": asked.method, "--budget": asked.budget, "--layer": asked.layer, "--weights": asked.weights,
    })  # fmt: skip
    if asked.sparsity is None or asked.test_inputs is None or asked.test_labels is None:
        raise InputError("--compare: needs --sparsity, --test-inputs and --test-labels")
    methods, sparsities = words(asked.compare or "", "--compare"), numbers(asked.sparsity, "--sparsity")
    allocations = words(asked.allocation, "--allocation")
    patterns = [] if asked.pattern is None else words(asked.pattern, "--pattern")
    batches = None if asked.inputs is None else load_batches(asked.inputs, asked.labels)
    with tables.progress() as progress:
        progress(f"loading {asked.model}")
        rows = compare(
            load_model(asked.model), methods, sparsities, calibration=_calibration(asked), batches=batches,
            test=(load_array(asked.test_inputs, "--test-inputs"), load_array(asked.test_labels, "--test-labels")),
            allocations=allocations, patterns=patterns, exclude=asked.exclude, config=asked.config, adapt=_adapt(asked, batches),
            key="reestimated" * asked.reestimate, seed=asked.seed, folder=asked.out, progress=progress,
        )  # fmt: skip
    tables.out.print(tables.comparison(rows))
    pictures = [asked.out / f"compare.{suffix}" for suffix in ("png", "svg")]
    try:
        plots.plot(rows, *pictures)
        plot = ", ".join(map(str, pictures))
    except ToolMissingError as error:
        plot = f"not drawn: {error}"
    tables.out.print(tables.pairs([("figures", str(asked.out / "compare.json")), ("plot", plot)]))


def meet_budget(asked: Asked) -> None:
    """Masks by a budget; what was measured on the way is kept beside them."""
    from zeroskip import tables
    from zeroskip.frontend import load_model
    from zeroskip.meet import Budget, prune_to_budget
    from zeroskip.prune import save

    _refuse("--budget", {
        "--sparsity": asked.sparsity, "--layer": asked.layer, "--allocation": asked.allocation != "uniform",
    })  # fmt: skip
    assert asked.budget is not None
    wanted = Budget.of(asked.budget)
    if asked.inputs is None or asked.labels is None:
        raise InputError("--budget: needs --inputs and --labels, by which the layers' losses are measured")
    method = (asked.method or Method.magnitude).value
    _require_places(asked, method)
    batches = load_batches(asked.inputs, asked.labels)
    with tables.progress() as progress:
        progress(f"loading {asked.model}")
        met = prune_to_budget(
            load_model(asked.model), wanted, batches, criterion=method, calibration=_calibration(asked), config=asked.config,
            pattern=asked.pattern, exclude=asked.exclude, adapt=_adapt(asked, batches), key="reestimated" * asked.reestimate,
            seed=asked.seed, cache=asked.out.with_suffix(".losses.json"), progress=progress,
        )  # fmt: skip
    save(met.masks, asked.out)
    facts = [
        (wanted.kind, f"{met.cost:,} = {met.cost / met.dense:.2%} of {met.dense:,} with every weight kept"),
        ("budget", f"{met.limit:,}"),
    ]
    _report(asked, met.model, met.masks, met.costs, facts)


def reach_sparsity(asked: Asked) -> None:
    """Masks by a sparsity of the whole, or of layers."""
    from zeroskip import tables
    from zeroskip.costs import costs
    from zeroskip.frontend import load_model
    from zeroskip.prune import apply, save

    for name, value in (("--test-inputs", asked.test_inputs), ("--test-labels", asked.test_labels)):
        if value is not None:
            raise InputError(f"{name}: is for --compare")
    method = (asked.method or Method.magnitude).value
    _require_places(asked, method)
    if asked.allocation not in [allocation.value for allocation in Allocation]:
        allowed = ", ".join(allocation.value for allocation in Allocation)
        raise InputError(f"--allocation: must be one of {allowed}, or with --compare several, not {asked.allocation!r}")
    if asked.sparsity is None and not asked.layer:
        raise InputError("--sparsity: must be given, or --layer or --budget")
    shares = [] if asked.sparsity is None else numbers(asked.sparsity, "--sparsity")
    if len(shares) > 1:
        raise InputError(f"--sparsity: takes several only with --compare, not {asked.sparsity!r}")
    batches = None if asked.inputs is None or not asked.reestimate else load_batches(asked.inputs, None)
    adapt = _adapt(asked, batches)
    module = load_model(asked.model)
    pruning = Pruning(
        method=Method(method), sparsity=shares[0] if shares else None, layers=asked.layer, allocation=Allocation(asked.allocation),
        pattern=asked.pattern, exclude=asked.exclude, inputs=asked.inputs, labels=asked.labels, seed=asked.seed,
    )  # fmt: skip
    chosen = make_masks(module, pruning)
    assert chosen is not None
    apply(module, chosen)
    if adapt is not None:
        adapt(module)
    figures = None
    if asked.calibration is not None:
        with tables.progress() as progress:
            progress("predicting cycles")
            figures = costs(module, chosen, calibration=_calibration(asked), config=asked.config)
    save(chosen, asked.out)
    _report(asked, module, chosen, figures, [])


def _calibration(asked: Asked) -> np.ndarray[Any, Any]:
    if asked.calibration is not None:
        return load_array(asked.calibration, "--calibration")
    if asked.inputs is None:
        raise InputError("--calibration: must name a .npy file of inputs, since there are no --inputs to take instead")
    return load_array(asked.inputs, "--inputs")


def _adapt(asked: Asked, batches: Batches | None) -> Callable[[nn.Module], None] | None:
    """What happens to a pruned model before it is measured."""
    import torch

    from zeroskip.prune.training.batch_norm import reestimate

    if not asked.reestimate:
        return None
    if batches is None:
        raise InputError("--reestimate: needs --inputs")
    together = [torch.cat([x for x, _ in batches])]  # one large batch needs the fewest passes
    return lambda model: reestimate(model, together)


def _require_places(asked: Asked, method: str) -> None:
    """Refuse before the work what could not be written after it."""
    from zeroskip.prune import criterion_named
    from zeroskip.prune.masks.files import require_masks_place
    from zeroskip.prune.model.state import require_state_place

    require_masks_place(asked.out)
    if asked.weights is not None:
        require_state_place(asked.weights)
        return
    for option, changes in (
        (f"--method {method}", criterion_named(method).updates),
        ("--reestimate", asked.reestimate),
    ):
        if changes:
            raise InputError(f"{option}: changes what is kept of the model too; name a file for it with --weights")


def _report(asked: Asked, model: nn.Module, masks: Masks, figures: Costs | None, facts: list[tuple[str, str]]) -> None:
    from zeroskip import tables
    from zeroskip.prune import summary
    from zeroskip.prune.model.state import save_state

    places = [("masks", str(asked.out))]
    if asked.weights is not None:
        save_state(model, asked.weights)
        places.append(("weights", str(asked.weights)))
    rows = summary(masks)
    asked.out.with_suffix(".json").write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")
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
    tables.out.print(tables.table("Masks", columns, lines))
    tables.out.print(tables.pairs([*facts, *places]))
