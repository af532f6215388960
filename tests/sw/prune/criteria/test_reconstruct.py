from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from zeroskip.contracts.errors import InputError
from zeroskip.prune import magnitude
from zeroskip.prune.criteria.random import random
from zeroskip.prune.criteria.reconstruct import reconstruct


def inputs(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_one_layer_is_the_least_squares_solution():
    torch.manual_seed(1)
    layer = nn.Linear(6, 4).double()
    x = inputs(50, 6).double() @ inputs(6, 6, seed=2).double()
    wanted, mask = layer.weight.detach() @ x.T, magnitude(layer, 0.5)["weight"]
    reconstruct(layer, {"weight": mask}, [x[:20], x[20:]], damping=1e-9)
    for row, kept, y in zip(layer.weight.detach(), mask, wanted, strict=True):
        best = torch.linalg.lstsq(x[:, kept], y[:, None]).solution[:, 0]
        assert torch.allclose(row[kept], best, atol=1e-6)
        assert not row[~kept].any()


def test_what_an_equal_input_can_take_over_is_not_lost():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 2, 3))
    x = inputs(20, 1, 6, 6).expand(-1, 2, -1, -1)  # both channels are the same
    wanted = model(x).detach()
    mask = torch.ones(3, 2, 3, 3, dtype=torch.bool)
    mask[:, 1] = False
    reconstruct(model, {"0.weight": mask}, [x], damping=1e-6)
    assert torch.allclose(model(x), wanted, atol=1e-3)


def test_later_layers_make_up_for_earlier_ones(mlp, batches):
    x = torch.cat([x for x, _ in batches])
    wanted = mlp(x).detach()
    masks = {"0.weight": random(mlp, 0.3, seed=1)["0.weight"], "2.weight": random(mlp, 0.1, seed=1)["2.weight"]}
    state = {name: value.clone() for name, value in mlp.state_dict().items()}

    def distance(given, passes):
        mlp.load_state_dict(state)
        for part in passes:
            reconstruct(mlp, {name: given[name] for name in part}, batches)
        for name, mask in given.items():
            mlp.get_parameter(name).data.masked_fill_(~mask, 0)
        return float((mlp(x) - wanted).detach().square().mean())

    none, first, both = (distance(masks, passes) for passes in ([], [["0.weight"]], [["0.weight", "2.weight"]]))
    assert both < first < none


def test_layers_that_lose_nothing_biases_and_buffers_stay_to_the_bit(mixed, batches, state):
    before, mixed.fc1.weight.grad = state(mixed), torch.ones(7, 18)
    mixed.train()
    reconstruct(mixed, magnitude(mixed, 0.5, exclude=["conv1", "fc2"]), batches)
    after = state(mixed)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"conv2.weight", "fc1.weight"}
    assert mixed.training
    assert torch.equal(mixed.fc1.weight.grad, torch.ones(7, 18))
    assert mixed.fc1.weight.requires_grad


def test_weights_that_are_zero_stay_zero(mlp, batches):
    with torch.no_grad():
        mlp[0].weight[:, ::2] = 0
    mask = torch.ones(16, 12, dtype=torch.bool)
    mask[0, 1] = False
    reconstruct(mlp, {"0.weight": mask}, batches)
    assert not mlp[0].weight[:, ::2].any()
    assert mlp[0].weight[0, 1] == 0
    assert mlp[0].weight[1:, 1].all()


def test_pruned_by_torch_and_shared_and_never_run():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.spare = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 5)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(torch.relu(self.a(x)))

    torch.manual_seed(1)
    net, x = Net(), inputs(40, 5)
    spare = net.spare.weight.detach().clone()
    prune.random_unstructured(net.spare, "weight", 0.2)
    masks = magnitude(net, 0.4)
    reconstruct(net, masks, [x])
    assert torch.equal(net.a.weight != 0, masks["a.weight"])
    assert torch.equal(net.spare.weight, torch.where(masks["spare.weight"], spare * net.spare.weight_mask, 0.0))
    pruned = nn.Sequential(nn.Linear(5, 5))
    prune.random_unstructured(pruned[0], "weight", 0.2)
    gone = pruned[0].weight == 0
    reconstruct(pruned, magnitude(pruned, 0.6), [x])
    assert int((pruned[0].weight == 0).sum()) == 15
    assert (pruned[0].weight[gone] == 0).all()
    assert torch.equal(pruned[0].weight, pruned[0].weight_orig * pruned[0].weight_mask)


def test_an_interruption_leaves_the_dense_weights(mixed, batches, state):
    before = state(mixed)

    def stop(message):
        if "2 of" in message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct(mixed, magnitude(mixed, 0.5), batches, progress=stop)
    assert all(torch.equal(value, before[name]) for name, value in mixed.state_dict().items())


def test_progress_names_the_layers_in_the_order_of_the_forward_pass(mixed, batches):
    said = []
    reconstruct(mixed, magnitude(mixed, 0.5, exclude="fc1"), batches, progress=said.append)
    assert said == [
        "reconstructing conv1.weight, 1 of 3", "reconstructing conv2.weight, 2 of 3", "reconstructing fc2.weight, 3 of 3",
    ]  # fmt: skip


def test_refusals(mlp, batches):
    masks = magnitude(mlp, 0.5)
    with pytest.raises(InputError, match=r"^damping must be above 0, not 0$"):
        reconstruct(mlp, masks, batches, damping=0)
    with pytest.raises(InputError, match=r"^batches must hold at least one input, but is empty$"):
        reconstruct(mlp, masks, [])
    with pytest.raises(InputError, match=r"^mask '0\.weight' must be a torch\.bool tensor, not float$"):
        reconstruct(mlp, {"0.weight": 1.0}, batches)

    class Twice(nn.Module):
        def forward(self, x):
            return 2 * x

    parametrize.register_parametrization(mlp[0], "weight", Twice())
    with pytest.raises(InputError, match=r"^weight '0\.weight' is parametrized and cannot be set; remove its param"):
        reconstruct(mlp, magnitude(mlp, 0.5), batches)
