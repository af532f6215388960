"""What the networks can be tuned with: training images moved and mirrored, and half of the keywords moved and blended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tests.networks.images import CIFAR, normalized
from tests.networks.network import RealNetwork, stored

SHIFT = 4
"""Pixels by which a training image moves at most."""

LATE = 3
"""Windows by which a keyword moves at most."""


@dataclass(frozen=True, eq=False)
class Augmented:
    """Batches of ``size`` in a new order each epoch, images moved by up to ``SHIFT`` pixels, every second mirrored, by torch's random
    numbers. ``edge`` (channels,) is what comes in from outside.
    """

    x: torch.Tensor
    y: torch.Tensor
    edge: torch.Tensor
    size: int = 128

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        count, channels, height, width = self.x.shape
        padded = self.edge[:, None, None].expand(count, channels, height + 2 * SHIFT, width + 2 * SHIFT).clone()
        padded[:, :, SHIFT:-SHIFT, SHIFT:-SHIFT] = self.x
        for chosen in torch.split(torch.randperm(count), self.size):
            down, along = (torch.randint(2 * SHIFT + 1, (len(chosen), 1, 1)) for _ in range(2))
            rows, columns = torch.arange(height)[None, :, None] + down, torch.arange(width)[None, None, :] + along
            mirrored = torch.rand(len(chosen), 1, 1) < 0.5
            columns = torch.where(mirrored, columns.flip(2), columns)
            images = padded[chosen[:, None, None], :, rows, columns].permute(0, 3, 1, 2)
            yield images.contiguous(), self.y[chosen]


@dataclass(frozen=True, eq=False)
class Blended:
    """Batches of ``size`` in a new order each epoch, spectra moved by up to ``LATE`` windows and blended with up to half of another, by
    torch's random numbers. A blend's target is that of its larger part; a teacher tells the rest.
    """

    x: torch.Tensor
    y: torch.Tensor
    size: int = 32

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for chosen in torch.split(torch.randperm(len(self.x)), self.size):
            windows = self.x.shape[2]
            late = torch.randint(-LATE, LATE + 1, (len(chosen), 1))
            rows = (torch.arange(windows) - late).clamp(0, windows - 1)
            moved = self.x[chosen[:, None], :, rows].transpose(1, 2)
            share = 0.5 * torch.rand(len(chosen), 1, 1, 1)
            yield (1 - share) * moved + share * moved[torch.randperm(len(chosen))], self.y[chosen]


Batches = Augmented | Blended


def cifar_training(data: Path, name: str) -> Augmented:
    """The first 5000 training images, as ResNet-8 or ResNet-20 wants them."""
    values = stored(data / CIFAR[0])
    x = values["x"].transpose(0, 3, 1, 2).astype("float32")
    edge = x[:1, :, :1, :1] * 0
    if name == "ResNet-20":
        x, edge = normalized(x), normalized(edge)
    return Augmented(
        torch.from_numpy(x.copy()),
        torch.from_numpy(values["y"].astype("int64").reshape(-1)),
        torch.from_numpy(edge.reshape(3).copy()),
    )


def halved(network: RealNetwork) -> tuple[Blended, RealNetwork]:
    """Every second input to train with, and a network that has the others."""
    assert network.labels is not None
    x, y = torch.from_numpy(network.inputs[::2].copy()), torch.from_numpy(network.labels[::2].astype("int64"))
    return Blended(x, y), RealNetwork(network.model, network.inputs[::2], network.inputs[1::2], network.labels[1::2])
