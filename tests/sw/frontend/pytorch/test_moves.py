"""Views, padding, slices, concatenation and writes in place: the layers they become."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import Forward, captured, refuse
from torch import nn

SHUFFLED = torch.randperm(2304, generator=torch.Generator().manual_seed(1))


class Convs(nn.Module):
    """Convolutions a, b, c of 4 channels that keep the size, and a forward given as a function."""

    def __init__(self, forward) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(4, 4, 3, padding=1) for _ in range(3))
        self.point = nn.Conv2d(8, 2, 1)
        self.run = forward

    def forward(self, x):
        return self.run(self, x)


def names(forward, *shape: int) -> list[str]:
    return [layer.name for layer in captured(Convs(forward), *shape or (4, 6, 6)).layers]


@pytest.mark.parametrize(
    "forward, layers",
    [
        (lambda m, x: m.a(F.pad(x, (1, 2, 3, 4))), ["a"]),
        (lambda m, x: m.a(F.pad(F.pad(x, (1, 2)), (0, 0, 3, 4))), ["a"]),
        (lambda m, x: F.pad(m.a(x), (1, 0, 0, 2)), ["a", "pad"]),
        (lambda m, x: F.pad(m.a(x), (1, 0, 0, 2, 1, 1), value=1.5), ["a", "pad.padded", "pad"]),
        (lambda m, x: m.a(F.pad(x, (1, 0, 0, 2), value=-0.5)), ["pad.lowered", "pad.padded", "pad", "a"]),
        (lambda m, x: F.max_pool2d(F.pad(x, (1, 0, 2, 1), value=-math.inf), 3, 2), ["max_pool2d"]),
        (lambda m, x: F.max_pool1d(F.pad(x.flatten(2), (1, 3), value=-math.inf), 4, 3, 1), ["max_pool1d"]),
        (lambda m, x: F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 2), ["pad", "max_pool2d"]),
        (lambda m, x: F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 2), ["avg_pool2d"]),
        (lambda m, x: m.a(y := F.pad(x, (1, 1, 1, 1))) + m.b(y), ["a", "b"]),
        (lambda m, x: m.a(y := F.pad(x, (1, 1, 1, 1))) + y, ["pad", "a"]),
        (lambda m, x: F.pad(x, (1, 1, 1, 1)).relu(), ["pad"]),
        (lambda m, x: m.b(F.pad(m.a(x).relu(), (1, 1, 1, 1))), ["a", "b"]),
        (lambda m, x: F.pad(x, (-1, -2, 2, -1)), ["pad"]),
        (lambda m, x: F.pad(F.pad(x, (-1, -1)), (1, 1)), ["pad_1.part", "pad_1"]),
        (lambda m, x: F.pad(F.pad(x, (1, 1)), (-1, -2)), ["pad_1"]),
        (lambda m, x: x[:, :, 1:, ::2], ["slice_2"]),
        (lambda m, x: x[:, :, 1:5, 2:6:3][:, :, 1::2], ["slice_3"]),
        (lambda m, x: m.a(x[:, :, ::2, ::2]), ["slice_2", "a"]),
        (lambda m, x: x[:, 1:3], ["slice_1"]),
        (lambda m, x: x[:, ::2], ["slice_1"]),
        (lambda m, x: x[:, 1:3, ::2], ["slice_2"]),
        (lambda m, x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 3)), ["pad"]),
        (lambda m, x: F.pad(x, (1, 0, 0, 1, 2, 0))[:, 1:5, ::3], ["slice_2"]),
        (lambda m, x: x[:], ["copy"]),
        (lambda m, x: x.flatten(1), ["copy"]),
        (lambda m, x: m.a(x[:, :, :6, 0:100]), ["a"]),
        (lambda m, x: torch.cat([m.a(x), m.b(x)], 1), ["a", "b"]),
        (lambda m, x: m.point(torch.cat([m.a(x).relu(), m.b(x)], 1)), ["a", "b", "point"]),
        (lambda m, x: torch.cat([x, m.a(x)], 1), ["a", "cat.0"]),
        (lambda m, x: torch.cat([x, x], 1), ["cat.0", "cat.1"]),
        (lambda m, x: torch.cat([y := m.a(x), m.b(y)], 1), ["a", "b", "cat.0"]),
        (lambda m, x: torch.cat([y := m.a(x), y], 1), ["a", "cat.0", "cat.1"]),
        (lambda m, x: torch.cat([torch.cat([m.a(x), m.b(x)], 1), m.c(x)], 1), ["a", "b", "c"]),
        (lambda m, x: torch.cat([(y := torch.cat([m.a(x), m.b(x)], 1)), m.point(y)], 1), ["a", "b", "point", "cat_1.0"]),
        (lambda m, x: torch.cat([m.a(x), m.b(x)], 1).relu(), ["a", "b", "relu"]),
        (lambda m, x: torch.cat([m.a(x), m.b(x) + x], 1), ["a", "b"]),
        (lambda m, x: torch.cat([m.a(x)], 1), ["a"]),
        (lambda m, x: torch.cat([m.a(x).flatten(1), m.b(x).flatten(1)], 1), ["a", "b"]),
        (lambda m, x: torch.cat([m.a(x).flatten(1), x.mean((2, 3))], -1), ["a", "mean", "cat_2"]),
        (lambda m, x: torch.cat(torch.chunk(m.a(x), 2, 1)[::-1], 1), ["a", "chunk.0", "chunk.1"]),
        (lambda m, x: sum(torch.split(m.a(x), [1, 1, 2], 1)[:2]), ["a", "split_with_sizes.0", "split_with_sizes.1"]),
        (lambda m, x: torch.split(x, 4, 3)[1], ["split.1"]),
        (lambda m, x: (m.a(x), m.b(x), m.c(x))[1], ["b"]),
    ],
)  # fmt: skip
def test_the_layers_that_remain(forward, layers):
    assert sorted(names(forward)) == sorted(layers)


@pytest.mark.parametrize(
    "forward, layers",
    [
        (lambda m, x: x.permute(0, 2, 3, 1), 1),
        (lambda m, x: m.a(x.permute(0, 2, 3, 1).relu().permute(0, 3, 1, 2)), 2),
        (lambda m, x: m.a(x).permute(0, 2, 3, 1).flatten(1), 1),
        (lambda m, x: m.a(m.b(x).transpose(2, 3)), 2),
        (lambda m, x: m.a(F.max_pool2d(m.b(x).mT, 2, padding=1)), 3),
        (lambda m, x: x[:, 0], 1),
        (lambda m, x: m.a(m.b(x)[:, [2, 0, 1, 3]]), 2),
        (lambda m, x: m.a(m.b(x).unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2)), 2),
        (lambda m, x: torch.stack([m.a(x), m.b(x)], 4)[..., 0], 3),
        (lambda m, x: torch.cat([m.a(x), m.b(x)], 2), 2),
        (lambda m, x: m.c(torch.cat([m.a(x), m.b(x)[:, :, :2]], 2)), 6),
        (lambda m, x: x.roll(2, 3), 2),
        (lambda m, x: F.pad(x, (1, 1, 0, 0), mode="circular"), 3),
        (lambda m, x: x.mean((2, 3), True).expand(-1, -1, 6, 6) + m.a(x), 2 + 6),
        (lambda m, x: m.a(x) + m.a(x).mean((2, 3), keepdim=True), 2 + 1 + 6),
        (lambda m, x: F.relu(m.a(x).view(-1, 2, 12, 6)).mean(3), 2),
        (lambda m, x: m.point(F.pixel_unshuffle(x[:, :2], 2)), 2),
        (lambda m, x: F.pixel_shuffle(x, 2), None),
        (lambda m, x: x.flip(2), 2),
        (lambda m, x: x.mean(3, keepdim=True).expand_as(x) + x.flatten(1).view_as(x), None),
        (lambda m, x: F.unfold(x, 2, stride=2), None),
        (lambda m, x: F.interpolate(x, scale_factor=2), None),
    ],
)  # fmt: skip
def test_what_moving_elements_costs(forward, layers):
    graph = captured(Convs(forward), 4, 6, 6)
    assert layers in (None, len(graph.layers))


def test_a_concatenation_is_written_in_parts():
    graph = captured(Convs(lambda m, x: m.point(torch.cat([m.a(x), m.b(x)], 1))), 4, 5, 5)
    assert [(layer.output, layer.channel) for layer in graph.layers] == [("cat", 0), ("cat", 4), ("point", 0)]
    assert graph.tensors["cat"] == (8, 5, 5)


def test_channels_of_zeros_are_rows_without_a_kept_weight():
    (layer,) = captured(Convs(lambda m, x: F.pad(x, (0, 0, 0, 0, 1, 2))), 4, 5, 5).layers
    assert layer.groups == 1
    assert layer.mask.reshape(7, 4).sum(axis=1).tolist() == [0, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "forward, shape, stored",
    [
        (lambda m, x: F.relu(x.view(-1, 1, 2, 3)), (6,), (1, 2, 3)),
        (lambda m, x: F.relu(x.unsqueeze(1)), (5, 4), (1, 5, 4)),
        (lambda m, x: F.relu(x.unflatten(1, (2, 3))), (6, 2, 2), None),
        (lambda m, x: F.relu(x.squeeze(2)), (3, 1), (3, 1, 1)),
        (lambda m, x: F.relu(x.squeeze(2, 3)), (3, 1, 1), (3, 1, 1)),
        (lambda m, x: F.relu(x.flatten(1)).view(-1, 2, 3, 4), (2, 3, 4), (24, 1, 1)),
        (lambda m, x: F.relu(x).flatten(1).view(-1, 2, 3, 4) + 1, (2, 3, 4), (2, 3, 4)),
        (lambda m, x: F.relu(x).flatten(2), (2, 3, 4), (2, 3, 4)),
        (lambda m, x: m.fc1(x.flatten(1)), (2, 2), (4, 1, 1)),
        (lambda m, x: m.fc1(x.flatten(1)) + m.fc1(x.relu().flatten(1)), (2, 2), (2, 2, 1)),
        (lambda m, x: m.fc1(x[:, :1].flatten(1)), (2, 4), (2, 4, 1)),
        (lambda m, x: m.fc1(x.mean((2, 3), True).squeeze(-1).squeeze(-1)), (4, 3, 3), (4, 3, 3)),
        (lambda m, x: F.relu(x), (2, 3, 4, 5), None),
    ],
)  # fmt: skip
def test_views_cost_nothing_and_the_input_is_stored_as_it_is_first_read(forward, shape, stored):
    graph = captured(Forward(forward), *shape)
    if stored is not None:
        assert graph.tensors["input"] == stored
    assert not [layer for layer in graph.layers if layer.name == "flatten"]


def scattered(m: Convs, x: torch.Tensor) -> torch.Tensor:
    y = m.a(x)
    flat, again = y.flatten(1), y.view(-1, 4, 6, 6)
    F.relu_(again)
    y += 1
    return m.b(y) + flat.view(-1, 4, 6, 6)


def overwritten_residual(m: Convs, x: torch.Tensor) -> torch.Tensor:
    y = m.a(x)
    z = m.b(y)
    F.relu_(y)
    z += y
    return F.relu_(z)


def copied(m: Convs, x: torch.Tensor) -> torch.Tensor:
    y = m.a(x)
    kept = y.clone()
    F.relu_(y)
    return kept + m.b(y)


def part_overwritten_and_not_read_again(m: Convs, x: torch.Tensor) -> torch.Tensor:
    return m.b(F.relu_(m.a(x)[:, :, ::2]))


@pytest.mark.parametrize("forward", [scattered, overwritten_residual, copied, part_overwritten_and_not_read_again])
def test_writes_in_place_change_every_view_and_no_copy(forward):
    captured(Convs(forward), 4, 6, 6)


@pytest.mark.parametrize(
    "forward, match",
    [
        (lambda m, x: F.pad(x, (1, 1, 1, 1), value=math.inf), r"pad 'pad': padding must be a finite number or minus infinity, not inf"),
        (lambda m, x: F.pad(x, (1, 1, 1, 1), value=-math.inf).relu(),
         r"relu 'relu': input must not be padded with minus infinity; only max pooling may read that"),
        (lambda m, x: F.pad(x, (1, 1, 1, -1), value=-math.inf),
         r"output: must not be padded with minus infinity; only max pooling may read that"),
        (lambda m, x: F.pad(x, (0, 0, 0, 0, 0, 0, 1, 0)), r"pad 'pad': must leave the batch axis alone, .*"),
        (lambda m, x: F.pad(x, (-3, -3)), r"pad 'pad': must leave at least one element|model 'Convs': torch.export cannot .*"),
        (lambda m, x: x[:1], r"output: must leave the batch axis alone, .*"),
        (lambda m, x: x[:, 4:], r"slice 'slice_1': must leave at least one element"),
        (lambda m, x: torch.cat([x, m.point.weight.view(2, 4, 2, 1).expand(2, 4, 2, 6).flatten(2)[:, :, :].view(2, 4, 2, 6)], 2),
         r"cat 'cat': must concatenate results of the network, not parameters"),
        (lambda m, x: torch.chunk(x, 2, 0)[0], r"output: must leave the batch axis alone, .*"),
        (lambda m, x: x.gather(1, x.argmax(1, keepdim=True)), r"gather 'gather': must not depend on 'argmax', .*"),
        (lambda m, x: x.reshape(-1, 2, 2, 6, 6)[:, :, :, ::2, [0, 3, 1]].relu(),
         r"relu 'relu': must have three axes for each sample at most, not shape \(5, 2, 2, 3, 3\)"),
        (lambda m, x: m.a(F.pad(x, (0, 42, 0, 42)).relu().flatten(2)[:, :, SHUFFLED].unflatten(2, (48, 48))),
         r"conv2d 'a': moving elements about takes a layer of .* weights, more than 33554432"),
    ],
)  # fmt: skip
def test_refused(forward, match):
    refuse(Convs(forward), 2, 4, 6, 6, match=match)
