"""The two LeNets that pruning papers compare on, in training form, and MNIST as batches that are deformed anew each epoch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import affine_grid, grid_sample, interpolate


def lenet_300_100() -> nn.Sequential:
    """266,200 weights in three fully connected layers; input (N, 1, 28, 28), pixels 0 … 1."""
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 300), relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100), relu2=nn.ReLU(),
            fc3=nn.Linear(100, 10),
        )
    )  # fmt: skip


def lenet_5() -> nn.Sequential:
    """430,500 weights, as in Caffe's example: two convolutions and two fully connected layers; input (N, 1, 28, 28), pixels 0 … 1."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5), pool1=nn.MaxPool2d(2), relu1=nn.ReLU(),
            conv2=nn.Conv2d(20, 50, 5), pool2=nn.MaxPool2d(2), relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(800, 500), relu3=nn.ReLU(),
            fc2=nn.Linear(500, 10),
        )
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Deformed:
    """Batches of shuffled images, each turned, scaled, sheared, shifted and bent a little; torch's random state says how.

    images : (N, 1, 28, 28); labels : (N,)
    angle : in radians; scale, shear : as parts of 1; shift, bend : in pixels. Angle, scale, shear and shift are uniform up to that;
        ``bend`` is the standard deviation of the displacement of a coarse grid of points.
    """

    images: torch.Tensor
    labels: torch.Tensor
    size: int
    angle: float = 0.1
    scale: float = 0.05
    shear: float = 0.05
    shift: float = 1.0
    bend: float = 0.3

    def __len__(self) -> int:
        return -(-len(self.labels) // self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for chosen in torch.split(torch.randperm(len(self.labels)), self.size):
            yield self.deform(self.images[chosen]), self.labels[chosen]

    def deform(self, x: torch.Tensor) -> torch.Tensor:
        def uniform(limit: float) -> torch.Tensor:
            return (2 * torch.rand(len(x)) - 1) * limit

        turn, stretch, slant, pixel = uniform(self.angle), 1 + uniform(self.scale), uniform(self.shear), 2 / x.shape[-1]
        rows = [
            [turn.cos() * stretch, slant - turn.sin(), uniform(self.shift) * pixel],
            [turn.sin(), turn.cos() * (1 + uniform(self.scale)), uniform(self.shift) * pixel],
        ]
        where = affine_grid(torch.stack([torch.stack(row, 1) for row in rows], 1), list(x.shape), align_corners=False)
        coarse = torch.randn(len(x), 2, 5, 5) * (self.bend * pixel)
        bent = interpolate(coarse, size=x.shape[-2:], mode="bicubic", align_corners=True)
        return grid_sample(x, where + bent.permute(0, 2, 3, 1), align_corners=False)
