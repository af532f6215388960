from __future__ import annotations

import copy
import json
import math
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils import prune as torch_prune
from torch.utils.data import DataLoader, TensorDataset

from zeroskip.contracts.errors import InputError
from zeroskip.prune import apply, fine_tune, gradient, magnitude
from zeroskip.prune.training.learning_rates import cosine
from zeroskip.prune.training.loop import number_of
from zeroskip.prune.training.lottery import lottery


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def assert_same(tickets, others):
    assert len(tickets) == len(others)
    for one, other in zip(tickets, others, strict=True):
        assert (one.round, one.losses) == (other.round, other.losses)
        for first, second in ((one.masks, other.masks), (one.state, other.state)):
            assert first.keys() == second.keys()
            assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_each_round_removes_a_share_of_the_rest_and_rewinds_to_the_beginning(mixed, batches, state, tmp_path):
    start, said = state(mixed), []
    tickets = lottery(
        mixed, magnitude, 0.5, batches, tmp_path / "run", epochs=2, rounds=3, optimizer=adam, progress=said.append
    )
    sizes = {name: mask.numel() for name, mask in tickets[0].masks.items()}
    for number, ticket in enumerate(tickets, 1):
        removed = {name: int((~mask).sum()) for name, mask in ticket.masks.items()}
        assert removed == {name: math.floor((1 - 0.5**number) * size) for name, size in sizes.items()}
        assert ticket.sparsity == pytest.approx(sum(removed.values()) / sum(sizes.values()))
        for name, value in ticket.state.items():  # biases, BatchNorm and its buffers included
            kept = ticket.masks.get(name, torch.ones_like(value, dtype=torch.bool))
            assert torch.equal(value, start[name].masked_fill(~kept, 0.0)), name
        assert len(ticket.losses) == 2
    for one, later in pairwise(tickets):
        assert not any((mask & ~one.masks[name]).any() for name, mask in later.masks.items())
    assert all(torch.equal(value, tickets[-1].state[name]) for name, value in mixed.state_dict().items())
    assert said[1:3] == [
        f"round 1 of 3: epoch 2 of 2, loss {tickets[0].losses[1]:.4f}",
        f"round 1 of 3: {tickets[0].kept} of {tickets[0].total} weights kept",
    ]
    figures = json.loads((tmp_path / "run" / "ticket-02.json").read_text())
    assert (figures["round"], figures["kept"], figures["losses"]) == (2, tickets[1].kept, list(tickets[1].losses))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        f"ticket-{number:02}.{suffix}" for number in (1, 2, 3) for suffix in ("json", "safetensors")
    ]


@pytest.mark.parametrize("rewind", [3, 8, 11])
def test_rewound_to_a_later_step(mixed, batches, state, tmp_path, rewind):
    start = copy.deepcopy(mixed)
    seen = []

    class Spy(torch.optim.SGD):
        def step(self, closure=None):
            seen.append((state(mixed), self.param_groups[0]["lr"]))
            return super().step(closure)

    tickets = lottery(
        mixed, magnitude, 0.5, batches, tmp_path, epochs=2, rounds=2, rewind=rewind, rate=cosine,
        optimizer=lambda p: Spy(p, lr=0.1, momentum=0.9),
    )  # fmt: skip
    assert len(seen) == 16 + 16 - rewind
    at_step = seen[rewind][0]
    assert not torch.equal(at_step["norm.running_mean"], start.state_dict()["norm.running_mean"])
    for ticket in tickets:
        for name, value in ticket.state.items():
            kept = ticket.masks.get(name, torch.ones_like(value, dtype=torch.bool))
            assert torch.equal(value, at_step[name].masked_fill(~kept, 0.0)), name
    assert seen[16][1] == seen[rewind][1]  # the learning rate of that step


@pytest.mark.parametrize("rewind", [0, 5])
@pytest.mark.parametrize("whole", [0, 1, 2])
def test_resumed_is_the_same_as_uninterrupted(mixed, batches, tmp_path, whole, rewind):
    x, target = (torch.cat(part) for part in zip(*batches, strict=True))
    loader = DataLoader(TensorDataset(x, target), batch_size=32, shuffle=True)

    def search(folder, rounds=3, progress=None):
        model = copy.deepcopy(mixed)
        found = lottery(
            model,
            magnitude,
            0.3,
            loader,
            folder,
            epochs=2,
            rounds=rounds,
            rewind=rewind,
            optimizer=adam,
            progress=progress,
        )
        fine_tune(model, found[-1].masks, loader, epochs=1)
        return found, model

    class StopError(Exception):
        pass

    def stop(text):
        if text.startswith(f"round {whole + 1} of 3: epoch 2"):
            raise StopError

    expected, trained = search(tmp_path / "at once")
    with pytest.raises(StopError):
        search(tmp_path / "in two", progress=stop)
    said = []
    found, again = search(tmp_path / "in two", progress=said.append)
    assert said[0].startswith(f"round {whole + 1} of 3: epoch ")
    assert_same(found, expected)
    assert all(torch.equal(value, trained.state_dict()[name]) for name, value in again.state_dict().items())


def test_a_finished_run_is_read_and_may_be_extended_or_cut(mlp, batches, tmp_path):
    start = copy.deepcopy(mlp)
    tickets = lottery(mlp, magnitude, 0.5, batches, tmp_path, epochs=1, rounds=2)
    said = []
    for rounds in (1, 2, 3):
        mlp.load_state_dict(start.state_dict())
        found = lottery(mlp, magnitude, 0.5, batches, tmp_path, epochs=1, rounds=rounds, progress=said.append)
        assert_same(found[:2], tickets[:rounds])
        assert torch.equal(mlp[0].weight, found[-1].state["0.weight"])
    assert all(line.startswith("round 3 of 3") for line in said)


def test_a_ticket_without_its_figures_is_not_complete(mlp, batches, tmp_path):
    start = copy.deepcopy(mlp)
    tickets = lottery(mlp, magnitude, 0.5, batches, tmp_path, epochs=1, rounds=2)
    (tmp_path / "ticket-02.json").unlink()
    (tmp_path / "ticket-02.safetensors").write_bytes(b"half")
    assert_same(lottery(start, magnitude, 0.5, batches, tmp_path, epochs=1, rounds=2), tickets)


@pytest.mark.parametrize("share, kept", [(0, 256), (1, 0), ({"0": 0.5}, 48 + 64), ({}, 256)])
def test_edges(mlp, batches, tmp_path, share, kept):
    tickets = lottery(mlp, magnitude, share, batches, tmp_path, epochs=1, rounds=2)
    assert tickets[-1].kept == kept


def test_a_layer_left_out_and_a_criterion_that_does_not_nest(mlp, batches, tmp_path):
    tickets = lottery(
        mlp, lambda model, s: gradient(model, s, batches[:1], exclude=["2"]), 0.5, batches, tmp_path, epochs=1, rounds=3
    )
    assert [int(ticket.masks["0.weight"].sum()) for ticket in tickets] == [96, 48, 24]
    assert all(ticket.masks["2.weight"].all() for ticket in tickets)
    for one, later in pairwise(tickets):
        assert not (later.masks["0.weight"] & ~one.masks["0.weight"]).any()


def test_under_torch_prune_and_with_a_shared_weight(batches, tmp_path):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 4))
    model[2].weight = model[0].weight
    torch_prune.l1_unstructured(model[4], "weight", amount=0.25)
    tickets = lottery(
        model, partial(magnitude, allocation="global"), 0.5, batches, tmp_path, epochs=1, rounds=2, optimizer=adam
    )
    assert tickets[-1].kept == 48
    fine_tune(model, tickets[-1].masks, batches, epochs=1)
    assert not model[4].weight[~tickets[-1].masks["4.weight"]].any()
    assert not model[2].weight[~tickets[-1].masks["0.weight"]].any()


def test_no_step_moves_a_removed_weight(mlp, batches, tmp_path):
    tickets = lottery(
        mlp, magnitude, 0.5, batches, tmp_path, epochs=1, rounds=2,
        optimizer=lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
    )  # fmt: skip
    apply(mlp, tickets[-1].masks)
    for name, mask in tickets[-1].masks.items():
        assert not tickets[-1].state[name][~mask].any()
        assert not torch.signbit(tickets[-1].state[name][~mask]).any()


def test_refusals(mlp, batches, tmp_path):
    start = copy.deepcopy(mlp)

    def search(share=0.5, folder=tmp_path, **options):
        mlp.load_state_dict(start.state_dict())
        lottery(mlp, magnitude, share, batches, folder, **{"epochs": 1, "rounds": 1, **options})

    for name, least in (("rounds", 1), ("rewind", 0)):
        for value in (least - 1, 1.5, True):
            with pytest.raises(InputError, match=rf"^{name} must be an integer of {least} or more, not {value}$"):
                search(**{name: value})
    for rewind, epochs, steps in ((8, 1, 8), (1, 0, 0)):
        with pytest.raises(
            InputError, match=rf"^rewind must be less than the {steps} steps of the training, not {rewind}$"
        ):
            search(rewind=rewind, epochs=epochs)
    with pytest.raises(InputError, match=r"^sparsity must be a number from 0 to 1, not 2$"):
        search(share=2)
    with pytest.raises(InputError, match=r"^folder '.*/a/b' for tickets cannot be made: No such file or directory$"):
        search(folder=tmp_path / "a" / "b")
    assert number_of(batches) == 8
    search()
    for options, text in (
        ({"epochs": 2}, "epochs was 1, not 2"),
        ({"seed": 5}, "seed was 0, not 5"),
        ({"rewind": 2}, "rewind was 0, not 2"),
        ({"share": 0.25}, r"share was '0\.5', not '0\.25'"),
    ):
        with pytest.raises(
            InputError, match=rf"^ticket '.*ticket-01\.json' is of another run, whose {text}; choose another folder$"
        ):
            search(**options)
    with torch.no_grad():
        start[0].bias += 1
    with pytest.raises(
        InputError, match=r"^ticket '.*' is of another run, whose initial values was '.*', not '.*'; choose"
    ):
        search()
    (tmp_path / "ticket-01.safetensors").write_bytes(b"half")
    with pytest.raises(InputError, match=r"^ticket '.*ticket-01\.json': cannot be read: .+$"):
        search()
    (tmp_path / "ticket-01.json").write_text("{}")
    with pytest.raises(InputError, match=r"^ticket '.*ticket-01\.json': cannot be read: 'run'$"):
        search()
