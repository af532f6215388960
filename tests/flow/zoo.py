"""Families of networks that people have, written small."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class InvertedResidual(nn.Module):
    """The block of MobileNetV2 (Sandler et al., CVPR 2018)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = 2 * inputs
        self.path = nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner), nn.ReLU6(),
            nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.path(x) if self.adds else self.path(x)


class Shuffle(nn.Module):
    """The block of ShuffleNetV2 (Ma et al., ECCV 2018): half of the channels pass by, and all are shuffled behind."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.path = nn.Sequential(
            nn.Conv2d(half, half, 1), nn.BatchNorm2d(half), nn.ReLU(), nn.Conv2d(half, half, 3, 1, 1, groups=half),
            nn.BatchNorm2d(half), nn.Conv2d(half, half, 1), nn.BatchNorm2d(half), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed, taken = x.chunk(2, 1)
        joined = torch.cat([passed, self.path(taken)], 1)
        batch, channels, height, width = joined.shape
        return joined.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(joined.shape)


class Fire(nn.Module):
    """The block of SqueezeNet (Iandola et al., 2016)."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, 3, 1)
        self.one, self.three = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squeezed = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.one(squeezed)), F.relu(self.three(squeezed))], 1)


class UNet(nn.Module):
    """Down, up by nearest elements, and across (Ronneberger et al., MICCAI 2015)."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)
        self.up, self.out = nn.Conv2d(7, 3, 3, padding=1), nn.Conv2d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        down = F.relu(self.down(x))
        deep = F.relu(self.deep(F.max_pool2d(down, 2)))
        joined = torch.cat([down, F.interpolate(deep, scale_factor=2)], 1)
        return torch.sigmoid(self.out(F.relu(self.up(joined))))


def mobilenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), InvertedResidual(4, 4, 1), InvertedResidual(4, 6, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Dropout(), nn.Linear(6, 5), nn.LogSoftmax(1),
    )  # fmt: skip


def shufflenet() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 6, 3), Shuffle(6), Shuffle(6), nn.Conv2d(6, 4, 1))


def squeezenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), Fire(4), Fire(8), nn.Conv2d(8, 5, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
