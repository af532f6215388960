from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.layer_inputs import columns, second_moments, users

LAYERS = [
    (nn.Linear(5, 3), (4, 5)),
    (nn.Linear(5, 3, bias=False), (2, 7, 5)),
    (nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), (3, 4, 11)),
    (nn.Conv1d(2, 2, 4, padding="same", padding_mode="circular"), (3, 2, 9)),
    (nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1), groups=2), (3, 4, 7, 9)),
    (nn.Conv2d(3, 3, 3, groups=3, padding=1, padding_mode="reflect"), (2, 3, 5, 6)),
    (nn.Conv2d(3, 2, (5, 3), dilation=(1, 2), padding="same"), (2, 3, 5, 6)),
    (nn.Conv2d(3, 2, 2, padding="valid", padding_mode="replicate"), (1, 3, 5, 6)),
]


@pytest.mark.parametrize("layer, shape", LAYERS, ids=[str(layer) for layer, _ in LAYERS])
def test_weight_times_columns_is_the_output(layer, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    seen = columns(layer, x)
    groups, n = seen.shape[:2]
    product = layer.weight.reshape(groups, -1, n) @ seen
    y = layer(x)
    wanted = y.reshape(-1, y.shape[-1]).T if isinstance(layer, nn.Linear) else y.transpose(0, 1).flatten(1)
    bias = 0 if layer.bias is None else layer.bias[:, None]
    assert torch.allclose(product.reshape(-1, product.shape[-1]) + bias, wanted, atol=1e-5)


def test_a_sample_without_a_batch_axis():
    layer, x = nn.Conv2d(2, 3, 3), torch.randn(2, 5, 5)
    assert torch.equal(columns(layer, x), columns(layer, x[None]))
    layer, x = nn.Conv1d(2, 3, 3), torch.randn(2, 5)
    assert torch.equal(columns(layer, x), columns(layer, x[None]))


def test_users_of_shared_pruned_and_parametrized_weights():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    prune.random_unstructured(model[2], "weight", 0.5)
    assert users(model) == {"0.weight": (model[0], model[1]), "2.weight": (model[2],)}

    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    alone = nn.Sequential(nn.Linear(3, 3))
    parametrize.register_parametrization(alone[0], "weight", Twice())
    assert users(alone) == {"0.weight": (alone[0],)}


def test_second_moments_add_up_over_batches_uses_and_positions(mixed, batches):
    moments = second_moments(mixed.eval(), batches, ["fc1.weight", "conv1.weight"])
    x = torch.cat([x for x, _ in batches])
    seen = columns(mixed.conv1, x.reshape(-1, 1, 12)).double()
    assert torch.allclose(moments["conv1.weight"], seen @ seen.mT, rtol=1e-4)
    assert moments["fc1.weight"].shape == (1, 18, 18)
    shared = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    shared[1].weight = shared[0].weight
    first, second = torch.randn(4, 3), None
    second = shared[0](first)
    found = second_moments(shared, [first], ["0.weight"])["0.weight"][0]
    assert torch.allclose(found, (first.T @ first + second.T @ second).double(), rtol=1e-4)


def test_a_layer_that_does_not_run_is_absent(batches):
    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(12, 4), nn.Linear(12, 4)

        def forward(self, x):
            return self.used(x)

    assert list(second_moments(Spare(), batches, ["used.weight", "spare.weight"])) == ["used.weight"]


def test_a_layer_that_is_called_with_a_named_input():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(input=x)

    x = torch.randn(5, 3)
    assert torch.allclose(second_moments(Named(), [x], ["fc.weight"])["fc.weight"][0], (x.T @ x).double())


def test_refusals(mlp):
    with pytest.raises(InputError, match=r"^batches must hold at least one input, but is empty$"):
        second_moments(mlp, [], ["0.weight"])
    bad = torch.full((2, 12), float("nan"))
    with pytest.raises(InputError, match=r"^inputs of layer '0\.weight' must be finite, but hold NaN or infinity$"):
        second_moments(mlp, [bad], ["0.weight"])
