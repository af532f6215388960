from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils import prune as torch_prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune.criteria.wanda import wanda, wanda_scores
from zeroskip.prune.model.batches import unpack_inputs


def normal(*shape: int, seed: int = 5) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_by_hand():
    model = nn.Linear(2, 2)
    model.weight.data = torch.tensor([[1.0, -2.0], [0.0, 4.0]])
    x = torch.tensor([[3.0, 1.0], [4.0, 0.0]])
    assert wanda_scores(model, [x])["weight"].tolist() == [[5.0, 2.0], [0.0, 4.0]]
    assert wanda_scores(model, [x[:1], x[1:]])["weight"].tolist() == [[5.0, 2.0], [0.0, 4.0]]


def test_a_linear_layer_sees_every_position():
    x = normal(3, 5, 4)
    scores = wanda_scores(model := nn.Linear(4, 2), [x])["weight"]
    assert torch.allclose(scores, (model.weight.abs() * x.reshape(15, 4).norm(dim=0)).double())


CONVOLUTIONS = [
    (nn.Conv2d(3, 4, 3, stride=2, padding=1), (3, 7, 8)),
    (nn.Conv2d(2, 2, (3, 2), padding=(2, 0), dilation=(2, 3)), (2, 9, 8)),
    (nn.Conv2d(4, 6, (1, 3), groups=2, padding="valid"), (4, 4, 5)),
    (nn.Conv2d(3, 3, 3, groups=3, padding=1), (3, 5, 6)),
    (nn.Conv2d(2, 3, (5, 3), padding="same"), (2, 6, 7)),
    (nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode="reflect"), (2, 6, 7)),
    (nn.Conv2d(2, 3, (2, 3), padding="same", padding_mode="circular"), (2, 6, 7)),
    (nn.Conv1d(3, 2, 3, stride=2, padding=2, dilation=2), (3, 11)),
    (nn.Conv1d(4, 4, 3, padding="same", dilation=2, groups=4), (4, 9)),
    (nn.Conv1d(2, 4, 3, padding=2, padding_mode="replicate"), (2, 9)),
]


@pytest.mark.parametrize("layer, shape", CONVOLUTIONS, ids=[str(layer) for layer, _ in CONVOLUTIONS])
def test_a_convolution_sees_each_pair_of_channel_and_tap_at_every_position(layer, shape):
    """With one weight of 1 in a row, the layer's output is what that weight is multiplied with."""
    x = normal(3, *shape)
    scores = wanda_scores(layer, [x[:2], (x[2:], None)])["weight"]
    assert scores.shape == layer.weight.shape
    probe = nn.utils.skip_init(type(layer), *(getattr(layer, n) for n in ("in_channels", "out_channels", "kernel_size")),
        **{n: getattr(layer, n) for n in ("stride", "padding", "dilation", "groups", "padding_mode")}, bias=False)  # fmt: skip
    row = layer.weight[0].numel()
    for column in range(row):
        probe.weight.data = (
            torch.nn.functional.one_hot(torch.tensor(column), row).float().expand(len(layer.weight), row)
        )
        probe.weight.data = probe.weight.data.reshape(layer.weight.shape)
        norms = probe(x).transpose(0, 1).flatten(1).norm(dim=1).detach()
        expected = layer.weight.detach().flatten(1)[:, column].abs() * norms
        assert torch.allclose(scores.flatten(1)[:, column], expected.double(), rtol=1e-4)


def test_a_sample_without_a_batch_axis():
    layer, x = nn.Conv2d(2, 3, 3), normal(2, 5, 5)
    assert torch.equal(wanda_scores(layer, [x])["weight"], wanda_scores(layer, [x[None]])["weight"])


def test_every_output_loses_the_same_share_by_default():
    model = nn.Sequential(nn.Linear(8, 6))
    model[0].weight.data[0] *= 1e-3
    x = normal(20, 8)
    assert wanda(model, 0.4, [x])["0.weight"].sum(1).tolist() == [5] * 6  # floor(3.2) go
    whole = wanda(model, 0.5, [x], pattern="unstructured")["0.weight"]
    assert not whole[0].any()
    assert int(whole.sum()) == 24
    scores = wanda_scores(model, [x])["0.weight"]
    for row, mask in zip(scores, wanda(model, 0.5, [x])["0.weight"], strict=True):
        assert row[~mask].max() <= row[mask].min()


def test_a_small_weight_on_a_large_input_stays_and_a_large_one_on_a_silent_input_goes():
    model = nn.Linear(2, 1)
    model.weight.data = torch.tensor([[0.1, 5.0]])
    assert wanda(model, 0.5, [torch.tensor([[100.0, 0.0]])])["weight"].tolist() == [[True, False]]


def test_shared_weights_see_the_inputs_of_all_that_share_them():
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    model[2].weight = model[0].weight
    x = normal(10, 3)
    both = torch.cat([x, torch.tanh(model[0](x))]).detach()
    scores = wanda_scores(model, [x])
    assert list(scores) == ["0.weight"]
    assert torch.allclose(scores["0.weight"], (model[0].weight.abs() * both.norm(dim=0)).double())


def test_a_module_that_runs_twice_counts_twice():
    layer = nn.Linear(3, 3)
    x = normal(10, 3)
    both = torch.cat([x, layer(x)]).detach()
    scores = wanda_scores(nn.Sequential(layer, layer), [x])["0.weight"]
    assert torch.allclose(scores, (layer.weight.abs() * both.norm(dim=0)).double())


def test_layers_that_never_run_score_zero(batches):
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(12, 4), nn.Linear(12, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    scores = wanda_scores(Spare(), batches)
    assert scores["used.weight"].all()
    assert not scores["spare.weight"].any()


def test_pruned_and_parametrized_weights_count_as_the_forward_pass_sees_them():
    class Twice(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

        def right_inverse(self, x: torch.Tensor) -> torch.Tensor:
            return x

    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    x = normal(4, 3)
    plain = wanda_scores(model[0], [x])["weight"]
    torch_prune.custom_from_mask(model[0], "weight", torch.tensor([[1, 0, 1], [0, 1, 1]]))
    assert torch.equal(wanda_scores(model, [x])["0.weight"], plain * model[0].weight_mask)
    second = nn.Linear(3, 2)
    plain = wanda_scores(second, [x])["weight"]
    parametrize.register_parametrization(second, "weight", Twice())
    assert torch.equal(wanda_scores(second, [x])["weight"], 2 * plain)


def test_half_precision_norms_gather_in_double_precision():
    model = nn.Linear(1, 1, dtype=torch.bfloat16)
    model.weight.data.fill_(1)
    assert wanda_scores(model, [torch.ones(1000, 1).bfloat16()] * 10)["weight"].item() == 100


def test_no_hook_is_left(mixed, batches):
    wanda(mixed, 0.5, batches)
    with pytest.raises(RuntimeError):
        wanda(mixed, 0.5, [torch.ones(1, 5)])
    assert not any(module._forward_pre_hooks for module in mixed.modules())


def test_what_a_batch_of_inputs_may_be():
    x, y, cpu = torch.ones(2, 3), torch.zeros(2), torch.device("cpu")
    for batch, expected in [
        (x, (x,)),
        ([x], (x,)),  # as a DataLoader over inputs alone gives
        ((x, y), (x,)),
        ((x, "no tensor"), (x,)),
        (((x, y), None), (x, y)),
        (([x, y],), (x, y)),
    ]:
        given = unpack_inputs(batch, 0, cpu)
        assert len(given) == len(expected)
        assert all(a is b for a, b in zip(given, expected, strict=True))


def test_refusals(mlp, batches):
    x = batches[0][0]
    text = r"^batch 1 must be a tensor, \(input,\) or a pair \(input, target\), not "
    for batch, given in [((x, x, x), "tuple of 3"), ([], "list of 0"), ({"x": x}, "dict"), (None, "NoneType")]:
        with pytest.raises(InputError, match=text + given + "$"):
            wanda(mlp, 0.5, [x, batch])
    for batch in [(None, x), ((x, None), x), [None]]:
        with pytest.raises(InputError, match=r"^batch 0 must hold tensors, not NoneType$"):
            wanda(mlp, 0.5, [batch])
    for nothing in ([], iter(())):
        with pytest.raises(InputError, match=r"^batches must hold at least one input, but is empty$"):
            wanda(mlp, 0.5, nothing)
    with pytest.raises(InputError, match=r"^scores of '0\.weight' must be finite, but hold NaN or infinity$"):
        wanda(mlp, 0.5, [x * float("inf")])
