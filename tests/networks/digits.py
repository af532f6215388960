"""MNIST, and LeNet-5 on it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import torch
from tests.networks.network import FloatArray, RealNetwork
from torch import nn
from torch.nn.functional import interpolate

LENET5_WEIGHTS = "lenet_pytorch_csinva/lenet_epoch=12_test_acc=0.991.pth"
CALIBRATION = 500


def mnist(data: Path, name: str) -> tuple[FloatArray, np.ndarray]:
    """Images of the ``train`` or ``t10k`` set, (N, 28, 28) float32 pixels 0 … 255, and labels."""

    def read(suffix: str, offset: int) -> np.ndarray:
        packed = (data / "mnist" / f"{name}-{suffix}-ubyte.gz").read_bytes()
        return np.frombuffer(gzip.decompress(packed), np.uint8, offset=offset)

    return read("images-idx3", 16).reshape(-1, 28, 28).astype(np.float32), read("labels-idx1", 8)


def lenet5(data: Path) -> RealNetwork:
    """Inputs are enlarged to 32×32, values 0 … 1; without the logarithm of the softmax, which changes no answer."""
    model = LeNet5()
    weights = torch.load(data / LENET5_WEIGHTS, weights_only=True, map_location="cpu")
    model.load_state_dict(weights)
    images, labels = mnist(data, "t10k")
    return RealNetwork(model.eval(), _enlarged(mnist(data, "train")[0][:CALIBRATION]), _enlarged(images), labels)


def _enlarged(x: FloatArray) -> FloatArray:
    larger = interpolate(torch.from_numpy(x / 255)[:, None], size=(32, 32), mode="bilinear", align_corners=False)
    return np.asarray(larger.numpy())


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convnet = nn.Sequential()
        for name, layer in {
            "c1": nn.Conv2d(1, 6, 5), "relu1": nn.ReLU(), "s2": nn.MaxPool2d(2),
            "c3": nn.Conv2d(6, 16, 5), "relu3": nn.ReLU(), "s4": nn.MaxPool2d(2),
            "c5": nn.Conv2d(16, 120, 5), "relu5": nn.ReLU(),
        }.items():  # fmt: skip
            self.convnet.add_module(name, layer)
        self.fc = nn.Sequential()
        for name, layer in {"f6": nn.Linear(120, 84), "relu6": nn.ReLU(), "f7": nn.Linear(84, 10)}.items():
            self.fc.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.fc(self.convnet(x).flatten(1))
        return y
