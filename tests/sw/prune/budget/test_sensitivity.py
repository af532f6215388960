"""The loss of every layer pruned alone: what is measured, what is left as it was, and going on after an interruption."""

from __future__ import annotations

import copy
import json
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune.budget.sensitivity import Sensitivity, loss_on, sensitivity
from zeroskip.prune.criteria.magnitude import magnitude


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def zeros(model: nn.Module) -> float:
    return float(sum((weight == 0).sum() for weight in model.parameters() if weight.ndim == 2))


def test_each_layer_is_pruned_alone_to_each_sparsity(model):
    found = sensitivity(model, magnitude, zeros, [0.5, 0.25])
    assert found.sparsities == (0, Fraction(1, 4), Fraction(1, 2))
    assert found.losses == {"0.weight": (0, 12, 24), "3.weight": (0, 6, 12)}
    assert found.weights == {"0.weight": 48, "3.weight": 24}


def test_sparsities_are_taken_as_they_are_written(model):
    found = sensitivity(nn.Linear(10, 10), magnitude, zeros, [0.29])
    assert found.sparsities[1] == Fraction(29, 100)
    assert found.losses == {"weight": (0, 29)}


def test_excluded_layers_are_not_measured(model):
    assert list(sensitivity(model, magnitude, zeros, [0.5], exclude=["3"]).losses) == ["0.weight"]


def test_the_model_is_unchanged_whatever_criterion_and_loss_do_to_the_copy(model):
    model.train()
    before = copy.deepcopy(model.state_dict())

    def updating(model, sparsities):
        with torch.no_grad():
            model[0].weight += 1
            model[3].weight += 1
        return magnitude(model, sparsities)

    def spoiling(copied):
        assert not copied.training
        copied.train()(torch.randn(5, 6))
        return float(copied[3].weight.detach().sum())

    sensitivity(model, updating, spoiling, [0.5])
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_models_with_torchs_pruning_hooks_are_measured():
    model = nn.Sequential(nn.Linear(4, 4))
    torch_prune.l1_unstructured(model[0], "weight", 0.25)
    model(torch.ones(1, 4))
    found = sensitivity(model, magnitude, lambda copied: float((copied[0].weight == 0).sum()), [0.5])
    assert found.losses == {"0.weight": (4, 8)}


def test_the_loss_is_the_mean_over_the_batches(model):
    batches = [(torch.randn(4, 6), torch.tensor([0, 1, 2, 0])) for _ in range(3)]
    model.train()
    running = model[1].running_mean.clone()
    expected = [nn.functional.cross_entropy(copy.deepcopy(model).eval()(x), y).item() for x, y in batches]
    assert loss_on(batches)(model) == pytest.approx(sum(expected) / 3)
    assert model.training
    assert torch.equal(model[1].running_mean, running)


def test_json_round_trip(model):
    found = sensitivity(model, magnitude, zeros, [0.5, 1 / 3])
    assert Sensitivity.from_json(json.loads(json.dumps(found.to_json()))) == found


class StoppedError(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(model, tmp_path):
    cache, calls = tmp_path / "cache.json", []

    def failing(copied):
        if len(calls) == 3:
            raise StoppedError
        calls.append(1)
        return zeros(copied)

    with pytest.raises(StoppedError):
        sensitivity(model, magnitude, failing, [0.25, 0.5], cache=cache)
    calls.clear()
    said: list[str] = []
    found = sensitivity(model, magnitude, failing, [0.25, 0.5], cache=cache, progress=said.append)
    assert len(calls) == 2
    assert said[0] == "sensitivity: 3.weight pruned to 0.25, 4 of 5"
    assert found == sensitivity(model, magnitude, zeros, [0.25, 0.5])
    assert list(tmp_path.iterdir()) == [cache]


@pytest.mark.parametrize("change", ["weight", "buffer", "key", "nothing"])
def test_the_cache_holds_for_the_same_network_and_key_alone(model, tmp_path, change):
    cache, calls, key = tmp_path / "cache.json", [], "magnitude"

    def counted(copied):
        calls.append(1)
        return zeros(copied)

    sensitivity(model, magnitude, counted, [0.5], cache=cache, key=key)
    calls.clear()
    with torch.no_grad():
        if change == "weight":
            model[0].bias[0] += 1
        elif change == "buffer":
            model[1].running_var[0] += 1
        elif change == "key":
            key = "taylor"
    sensitivity(model, magnitude, counted, [0.5], cache=cache, key=key)
    assert len(calls) == (0 if change == "nothing" else 3)


def test_refusals(model, tmp_path):
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not 1\.5$"):
        sensitivity(model, magnitude, zeros, [1.5])
    with pytest.raises(InputError, match=r"^exclude: leaves no layer to measure$"):
        sensitivity(model, magnitude, zeros, [0.5], exclude=["0", "3"])
    with pytest.raises(InputError, match=r"^exclude: unknown name 'fc'; allowed are 0\.weight, 3\.weight$"):
        sensitivity(model, magnitude, zeros, [0.5], exclude=["fc"])
    with pytest.raises(InputError, match=r"^evaluate must return a finite number, not nan with nothing pruned$"):
        sensitivity(model, magnitude, lambda copied: float("nan"), [0.5])
    with pytest.raises(InputError, match=r"^batches must hold at least one \(input, target\) pair, but is empty$"):
        loss_on([])(model)
    for text in ("not JSON", "[]", '{"losses": {}}', '{"results": 5}'):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InputError, match=r"^results file '.*c\.json': cannot be read; remove it to begin anew$"):
            sensitivity(model, magnitude, zeros, [0.5], cache=tmp_path / "c.json")
    with pytest.raises(InputError, match=r"^results file '.*none/c\.json': the folder does not exist$"):
        sensitivity(model, magnitude, zeros, [0.5], cache=tmp_path / "none" / "c.json")
