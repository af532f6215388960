"""Weights on disk."""

from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.model.state import load_state, save_state


def test_round_trip_with_buffers_and_shared_weights(mixed, tmp_path):
    mixed.fc2.bias = mixed.conv1.bias if mixed.conv1.bias.shape == mixed.fc2.bias.shape else mixed.fc2.bias
    mixed.norm.running_mean += 1
    other = copy.deepcopy(mixed)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 1
    save_state(mixed, tmp_path / "w.safetensors")
    load_state(other, tmp_path / "w.safetensors")
    for name, value in mixed.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_a_weight_with_two_names(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    save_state(model, tmp_path / "w.safetensors")
    other = copy.deepcopy(model)
    nn.init.zeros_(other[0].weight)
    load_state(other, tmp_path / "w.safetensors")
    assert torch.equal(other[1].weight, model[0].weight)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda state: state.pop("0.bias"), r"has no '0\.bias', which the model has"),
        (lambda state: state.update(x=torch.zeros(1)), r"has 'x', which the model has not"),
        (
            lambda state: state.update({"0.weight": torch.zeros(2, 2)}),
            r"'0\.weight' must have the model's shape \(3, 4\), not \(2, 2\)",
        ),
    ],
)  # fmt: skip
def test_weights_of_another_model_are_refused_and_change_nothing(tmp_path, change, message):
    model = nn.Sequential(nn.Linear(4, 3))
    state = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    change(state)
    save_file(state, tmp_path / "w.safetensors")
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(InputError, match=rf"^weights file '.*w\.safetensors': {message}$"):
        load_state(model, tmp_path / "w.safetensors")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_files_that_cannot_be(tmp_path):
    model = nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"^weights file '.*w\.pt': suffix must be \.safetensors, not '\.pt'$"):
        save_state(model, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"^weights file '.*none/w\.safetensors': the folder does not exist$"):
        save_state(model, tmp_path / "none" / "w.safetensors")
    with pytest.raises(InputError, match=r"^weights file '.*w\.safetensors': no such file$"):
        load_state(model, tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_text("no")
    with pytest.raises(InputError, match=r"^weights file '.*w\.safetensors': cannot be read as \.safetensors: "):
        load_state(model, tmp_path / "w.safetensors")
