"""Networks for photographs: ResNet-8 and ResNet-20 (CIFAR-10), and the MobileNet of the visual wake words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tests.networks.mlperf_tiny import ResNet8, VisualWakeWords, tiny
from tests.networks.network import FloatArray, RealNetwork, stored
from torch import nn
from torch.nn.functional import interpolate, pad, relu

CIFAR = ("cifar10/cifar10_train_first5000.npz", "cifar10/cifar10_test_first2000.npz")
CALIBRATION = 256


def resnet8(data: Path) -> RealNetwork:
    """Inputs are pixels, 0 … 255."""
    calibration, inputs, labels = cifar(data)
    return RealNetwork(tiny(data, ResNet8(), "resnet8_cifar10"), calibration, inputs, labels)


def resnet20(data: Path) -> RealNetwork:
    """Inputs are normalized per channel."""
    model = ResNet20()
    values = stored(data / "resnet20_cifar10" / "resnet20.npz")
    model.load_state_dict(model.state_dict() | {name: torch.from_numpy(value) for name, value in values.items()})
    calibration, inputs, labels = cifar(data)
    return RealNetwork(model.eval(), normalized(calibration), normalized(inputs), labels)


def normalized(pixels: FloatArray) -> FloatArray:
    """(N, 3, height, width) 0 … 255 → as ResNet-20 was trained."""
    mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (pixels / 255 - mean) / std


def vww(data: Path) -> RealNetwork:
    """Photographs of CIFAR-10 enlarged to 96×96, since none of the network's own kind are at hand; values 0 … 1, no labels."""
    calibration, inputs, _ = cifar(data)

    def enlarged(x: FloatArray) -> FloatArray:
        larger = interpolate(torch.from_numpy(x), size=(96, 96), mode="bilinear", align_corners=False)
        return np.asarray(larger.numpy() / 255)

    return RealNetwork(
        tiny(data, VisualWakeWords(), "vww_mobilenet"), enlarged(calibration[:64]), enlarged(inputs[:64]), None
    )


def cifar(data: Path) -> tuple[FloatArray, FloatArray, np.ndarray]:
    """Training and test images, (N, 3, 32, 32) float32 pixels, and the labels of the latter."""
    train, test = (stored(data / name) for name in CIFAR)

    def pixels(x: np.ndarray) -> FloatArray:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2), dtype=np.float32)

    return pixels(train["x"][:CALIBRATION]), pixels(test["x"]), test["y"]


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.added = outputs // 4 if inputs != outputs else 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.added:  # "option A": every second pixel, and channels of zeros on both sides
            x = pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added, self.added))
        return relu(y + x)


class ResNet20(nn.Module):
    """Three stages of three blocks with 16, 32 and 64 channels; the shortcuts have no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(_Block(16, 16, 1), _Block(16, 16, 1), _Block(16, 16, 1))
        self.layer2 = nn.Sequential(_Block(16, 32, 2), _Block(32, 32, 1), _Block(32, 32, 1))
        self.layer3 = nn.Sequential(_Block(32, 64, 2), _Block(64, 64, 1), _Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        y: torch.Tensor = self.linear(nn.functional.avg_pool2d(x, 8).flatten(1))
        return y
