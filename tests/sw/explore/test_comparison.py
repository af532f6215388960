"""Comparisons: every figure is that of the pruned model, finished rows are kept, and the plot shows them all."""

from __future__ import annotations

import copy
import json
import sys

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs
from zeroskip import prune
from zeroskip.cli import tables
from zeroskip.contracts.errors import InputError, ToolMissingError
from zeroskip.explore.comparison import Row
from zeroskip.explore.costs import costs

CONFIG = zs.ArrayConfig(lanes=2)


@pytest.fixture
def case() -> dict:
    torch.manual_seed(3)
    x = torch.randn(60, 10)
    y = (x[:, :4] + 0.1).argmax(1)
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    options = {"test": (x.numpy(), y.numpy()), "calibration": x.numpy(), "batches": [(x, y)], "config": CONFIG}
    return {"model": model.eval(), "options": options}


def run(case: dict, methods: list[str], sparsities: list[float], *, folder=None, progress=None, **options) -> list[Row]:
    asked = zs.ComparisonOptions(methods=methods, sparsities=sparsities, **{**case["options"], **options})
    return zs.compare(case["model"], asked, folder=folder, progress=progress)


def test_rows_are_all_combinations_and_their_figures_those_of_the_pruned_model(case):
    before = copy.deepcopy(case["model"].state_dict())
    rows = run(
        case, ["magnitude", "taylor"], [0.5, 0.75], allocations=["uniform", "global"], patterns=["unstructured", "nm:4"]
    )
    assert len(rows) == 1 + 2 * 2 * 2 * 2
    assert (rows[0].method, rows[0].sparsity) == ("none", 0)
    assert [(row.pattern, row.asked) for row in rows[1:5]] == [
        ("unstructured", 0.5), ("unstructured", 0.75), ("nm:4", 0.5), ("nm:4", 0.75)
    ]  # fmt: skip
    x, y = case["options"]["test"]
    for row in rows[1:]:
        model = copy.deepcopy(case["model"])
        batches = case["options"]["batches"] if row.method == "taylor" else None
        masks = prune.criterion_named(row.method).masks(
            model, row.asked, batches, allocation=row.allocation, pattern=row.pattern
        )
        prune.apply(model, masks)
        design = zs.compile(model, torch.from_numpy(x[:1]), calibration=x, masks=masks, config=CONFIG)
        assert row.interval == design.cycles.interval
        assert row.latency == design.cycles.latency
        assert row.stored_bits == design.summary.total.stored_bits
        assert row.kept == sum(int(mask.sum()) for mask in masks.values())
        assert row.integer_accuracy == (design.reference(x).argmax(1) == y).mean()
        with torch.no_grad():
            assert row.float_accuracy == (model(torch.from_numpy(x)).argmax(1).numpy() == y).mean()
    for name, value in case["model"].state_dict().items():
        assert torch.equal(value, before[name])


def test_without_patterns_each_method_takes_its_own(case):
    rows = run(case, ["magnitude", "wanda"], [0.5])
    assert [row.pattern for row in rows] == ["", "unstructured", "balanced:1"]


def test_methods_that_update_weights_start_from_the_same_model(case):
    updating = [name for name, criterion in prune.CRITERIA.items() if criterion.updates]
    first = run(case, [*updating, "magnitude"], [0.5, 0.75])
    assert run(case, ["magnitude"], [0.5, 0.75])[1:] == first[-2:]


def test_adapted_copies_are_measured(case):
    def spoil(model: nn.Module) -> None:
        nn.init.zeros_(model[2].weight)

    x = case["options"]["calibration"]
    spoilt = copy.deepcopy(case["model"])
    spoil(spoilt)
    rows = run(case, ["magnitude"], [0.5], adapt=spoil)
    assert rows[0].interval > rows[1].interval
    assert (
        rows[1].interval
        == costs(spoilt, prune.magnitude(case["model"], 0.5), calibration=x, config=CONFIG).cycles.interval
    )


def test_an_interrupted_comparison_goes_on(case, tmp_path, monkeypatch):
    said: list[str] = []

    def stop(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            raise KeyboardInterrupt

    folder = tmp_path / "new" / "out"
    with pytest.raises(KeyboardInterrupt):
        run(case, ["magnitude"], [0.5, 0.75], folder=folder, progress=stop)
    assert not (folder / "compare.json").exists()
    said.clear()
    rows = run(case, ["magnitude"], [0.5, 0.75], folder=folder, progress=said.append)
    assert said == ["3 of 3: magnitude at 0.75"]
    assert rows == run(case, ["magnitude"], [0.5, 0.75])
    assert [Row.from_json(row) for row in json.loads((folder / "compare.json").read_text())["rows"]] == rows


@pytest.mark.parametrize("change", ["weights", "config", "calibration", "labels", "key", "seed", "nothing"])
def test_rows_are_known_again_by_what_they_depend_on(case, tmp_path, change):
    run(case, ["magnitude"], [0.5], folder=tmp_path)
    options, further, said = case["options"], {}, []
    if change == "weights":
        with torch.no_grad():
            case["model"][0].weight[0, 0] += 1
    elif change == "config":
        options["config"] = zs.ArrayConfig(lanes=3)
    elif change == "calibration":
        options["calibration"] = options["calibration"][:20]
    elif change == "labels":
        options["test"] = (options["test"][0], options["test"][1][::-1].copy())
    elif change != "nothing":
        further = {change: {"key": "other", "seed": 1}[change]}
    run(case, ["magnitude"], [0.5], folder=tmp_path, progress=said.append, **further)
    assert len(said) == (0 if change == "nothing" else 2)


def test_the_table_and_the_plot(case, tmp_path, capsys):
    rows = run(case, ["magnitude", "snip"], [0.25, 0.5, 0.75], patterns=["unstructured", "nm:4"])
    tables.out.print(tables.comparison(rows))
    text = capsys.readouterr().out
    assert all(word in text for word in ("none", "magnitude", "snip", "nm:4", f"{rows[1].interval:,}"))
    pytest.importorskip("matplotlib")
    from zeroskip.explore.plots import plot

    plot(rows, tmp_path / "c.png", tmp_path / "c.svg")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "c.svg").read_text()


def test_without_matplotlib_the_plot_is_refused_in_one_line(case, tmp_path, monkeypatch):
    from zeroskip.explore.plots import plot

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        ToolMissingError, match=r"^matplotlib is missing; install it with: pip install 'zeroskip\[plot\]'$"
    ):
        plot([], tmp_path / "c.png")


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        ((["size"], [0.5]), {}, r"criterion must be one of .*, not 'size'"),
        ((["magnitude"], [0.5, 2]), {}, r"sparsity must be a number from 0 to 1, not 2"),
        ((["magnitude"], [0.5]), {"allocations": ["even"]}, r"allocation must be one of uniform, global, erk, lamp, not 'even'"),
        ((["magnitude"], [0.5]), {"patterns": ["nm:0"]}, r"pattern must be one of .*, not 'nm:0'"),
        ((["magnitude"], [0.5]), {"exclude": ["7"]}, r"exclude: unknown name '7'; allowed are 0\.weight, 2\.weight"),
        ((["taylor"], [0.5]), {"batches": None}, r"criterion 'taylor' needs batches of inputs and targets"),
        (
            (["magnitude"], [0.5]), {"test": (np.zeros((3, 10)), np.zeros(2))},
            r"test: labels must be class numbers, one for each of 3 inputs, not float64 of shape \(2,\)",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_anything_is_pruned(case, tmp_path, arguments, options, message):
    said: list[str] = []
    with pytest.raises(InputError, match=f"^{message}$"):
        run(case, *arguments, **options, progress=said.append)
    assert not said
