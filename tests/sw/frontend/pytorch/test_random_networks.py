"""Random directed networks of every operator: whatever the order and the branches, the graph computes what PyTorch does."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sw.frontend.evaluate import captured, lively
from torch import nn

Function = Callable[..., torch.Tensor]


class Last(nn.Module):
    """Constants and a linear layer on the channels, which lie behind."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(inputs))
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.permute(0, 2, 3, 1) * self.scale).movedim(-1, 1)


class Random(nn.Module):
    """A chain of random operators on images, each on the latest value and some on an older one too."""

    def __init__(self, seed: int, length: int) -> None:
        super().__init__()
        self.choose = random.Random(seed)
        self.layers = nn.ModuleList()
        self.plan: list[tuple[Function, list[int]]] = []
        shapes = [(self.choose.randint(1, 3), self.choose.randint(4, 9), self.choose.randint(4, 9))]
        self.sample = shapes[0]
        while len(self.plan) < length:
            latest = len(shapes) - 1
            function, read = self.one(shapes, latest if self.choose.random() < 0.8 else self.choose.randint(0, latest))
            with torch.no_grad():
                result = function(*(torch.zeros(2, *shapes[i]) for i in read))
            shapes.append(tuple(result.shape[1:]))
            self.plan.append((function, read))
        self.tail = self.choose.choice(["image", "flat", "linear", "mean"])
        if self.tail == "linear":
            c, h, w = shapes[-1]
            norm = nn.BatchNorm1d(c * h * w) if self.choose.random() < 0.5 else nn.Identity()
            self.head = nn.Sequential(nn.Flatten(), norm, nn.Linear(c * h * w, 3), nn.Sigmoid())

    def one(self, shapes: list[tuple[int, ...]], i: int) -> tuple[Function, list[int]]:
        c, h, w = shapes[i]
        r = self.choose
        same = [j for j, shape in enumerate(shapes) if shape == shapes[i]]
        joinable = [j for j, shape in enumerate(shapes) if shape[1:] == shapes[i][1:] and shape[0] + c < 12]
        kinds = ["conv", "conv", "depthwise", "bn", "act", "act", "pad", "add", "concat", "scale", "drop"]
        kinds += ["move", "move", "broadcast", "last", "reduce"]
        kinds += ["pool", "average", "slice", "channels", "crop"] * (min(h, w) >= 3)
        match r.choice(kinds):
            case "conv":
                k = r.choice([1, 2, 3])
                layer = nn.Conv2d(c, r.randint(1, 4), k, r.choice([1, 1, 2]), padding=r.randint(0, 1) if k > 1 else 0)
                if min(h, w) < 3:
                    layer = nn.Conv2d(c, 2, 1)
                return self.module(layer), [i]
            case "depthwise":
                return self.module(nn.Conv2d(c, 2 * c, 3, padding=1, groups=c, bias=False)), [i]
            case "bn":
                return self.module(nn.BatchNorm2d(c)), [i]
            case "act":
                acts = [
                    nn.ReLU(),
                    nn.ReLU6(),
                    nn.LeakyReLU(0.3),
                    nn.PReLU(c),
                    nn.Hardtanh(-0.5, 0.8),
                    nn.Tanh(),
                    nn.SiLU(),
                ]
                return self.module(r.choice(acts)), [i]
            case "pad":
                amounts = [r.randint(0, 2) for _ in range(4)]
                return lambda x: F.pad(x, amounts), [i]
            case "crop":
                amounts = [r.randint(-1, 1) for _ in range(4)] + [r.randint(0, 1), 0]
                return lambda x: F.pad(x, amounts), [i]
            case "add":
                return torch.add, [i, r.choice(same)]
            case "concat" if joinable:
                others = [r.choice(joinable)]
                return lambda *parts: torch.cat(parts, 1), r.sample([i, *others], 2)
            case "scale":
                factor = r.uniform(-2, 2)
                return lambda x: x * factor + 0.5, [i]
            case "pool":
                k = r.choice([2, 3])
                return self.module(
                    nn.MaxPool2d(k, r.randint(1, 2), padding=r.randint(0, k // 2), ceil_mode=r.random() < 0.5)
                ), [i]
            case "average":
                return self.module(nn.AvgPool2d(2, r.randint(1, 2))), [i]
            case "slice":
                a, b, s = r.randint(0, 1), r.randint(2, 3), r.randint(1, 2)
                return lambda x: x[:, :, a::s, :b], [i]
            case "move":
                return r.choice(self.moves(c, h, w)), [i]
            case "broadcast":
                over = r.choice([(1,), (2,), (3,), (2, 3), (1, 3)])
                return lambda x: x + x.mean(over, keepdim=True), [i]
            case "last":  # a linear layer or constants on the channels behind
                return self.module(Last(c, r.randint(1, 4))), [i]
            case "reduce":
                over = r.choice([1, 2, 3])
                function = r.choice([torch.mean, torch.sum, torch.amax])
                return lambda x: function(x, over, keepdim=True), [i]
            case "channels" if c > 1:
                a = r.randint(1, c - 1)
                return lambda x: x[:, a:], [i]
            case _:
                return F.relu, [i]

    def moves(self, c: int, h: int, w: int) -> list[Function]:
        """What moves elements about and changes none."""
        r = self.choose
        by, order = r.randint(1, 3), torch.randperm(c, generator=torch.Generator().manual_seed(r.randint(0, 99)))
        found: list[Function] = [
            lambda x: x.transpose(2, 3), lambda x: x.flip(3),
            lambda x: x.roll(by, 2), lambda x: x[:, order], lambda x: x.permute(0, 2, 3, 1).reshape(x.shape),
            lambda x: x.transpose(1, 2), lambda x: torch.cat([x, x[:, :, :1]], 2),
            lambda x: torch.stack([x, x], 2).flatten(1, 2), lambda x: x.reshape(len(x), c * h, w, 1),
            lambda x: x.flatten(1)[:, : c * h].reshape(-1, c, h, 1), lambda x: x[:, :, torch.tensor([0, h - 1, 0])],
            lambda x: x.mean(3, keepdim=True).expand(-1, -1, -1, w), lambda x: x.unflatten(3, (w, 1)).squeeze(-1).flip(2),
        ]  # fmt: skip
        if min(h, w) > 2:
            found += [partial(F.pad, pad=(2, 1, 0, 2), mode=m) for m in ("reflect", "replicate", "circular")]
        if h * w * c < 60:
            found += [lambda x: F.interpolate(x, scale_factor=2)]
        return found

    def module(self, layer: nn.Module) -> nn.Module:
        self.layers.append(layer.eval())
        return layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = [x]
        for function, read in self.plan:
            values.append(function(*(values[i] for i in read)))
        match self.tail:
            case "flat":
                return values[-1].flatten(1)
            case "linear":
                return self.head(values[-1])
            case "mean":
                return values[-1].mean((2, 3))
            case _:
                return values[-1]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14))
def test_random_networks_are_captured_exactly(seed, length):
    torch.manual_seed(seed)
    model = lively(Random(seed, length))
    captured(model, *model.sample, batch=2, seed=seed)
