"""The reference networks of MLPerf Tiny as torch modules, for the trained weights of ``mlperf_tiny/*.npz``.

All return logits. TensorFlow pads "same" with stride 2 on the far side only, hence the explicit padding: left, right, top, bottom.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from tests.networks.network import stored
from torch import nn

FAR_SIDE = (0, 1, 0, 1)
EPSILON = 1e-3


def tiny(data: Path, model: nn.Module, weights: str) -> nn.Module:
    """The network with its trained weights, in evaluation mode."""
    state = {name: torch.from_numpy(value) for name, value in stored(data / "mlperf_tiny" / f"{weights}.npz").items()}
    counters = {name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")}
    model.load_state_dict(counters | state)
    return model.eval()


class ResNet8(nn.Module):
    """CIFAR-10: (N, 3, 32, 32) pixels 0 … 255 → 10 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.bn0 = nn.Conv2d(3, 16, 3, 1, 1), _norm(16)
        self.conv1, self.bn1 = nn.Conv2d(16, 16, 3, 1, 1), _norm(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 16, 3, 1, 1), _norm(16)
        self.conv3, self.bn3 = nn.Conv2d(16, 32, 3, 2), _norm(32)
        self.conv4, self.bn4 = nn.Conv2d(32, 32, 3, 1, 1), _norm(32)
        self.conv5 = nn.Conv2d(16, 32, 1, 2)
        self.conv6, self.bn5 = nn.Conv2d(32, 64, 3, 2), _norm(64)
        self.conv7, self.bn6 = nn.Conv2d(64, 64, 3, 1, 1), _norm(64)
        self.conv8 = nn.Conv2d(32, 64, 1, 2)
        self.pad, self.pool, self.relu = nn.ZeroPad2d(FAR_SIDE), nn.AvgPool2d(8), nn.ReLU()
        self.fc = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        relu = self.relu
        x = relu(self.bn0(self.conv0(x)))
        x = relu(x + self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))
        x = relu(self.conv5(x) + self.bn4(self.conv4(relu(self.bn3(self.conv3(self.pad(x)))))))
        x = relu(self.conv8(x) + self.bn6(self.conv7(relu(self.bn5(self.conv6(self.pad(x)))))))
        y: torch.Tensor = self.fc(self.pool(x).flatten(1))
        return y


class _Chain(nn.Module):
    """Layers one after the other; the weights are named by their numbers in ``net``."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.net = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.net(x)
        return y


class DSCNN(_Chain):
    """Keywords: (N, 1, 49, 10) MFCCs → Down Go Left No Off On Right Stop Up Yes Silence Unknown."""

    def __init__(self) -> None:
        layers = [nn.ZeroPad2d((1, 1, 4, 5)), nn.Conv2d(1, 64, (10, 4), 2), _norm(64), nn.ReLU()]
        for _ in range(4):
            layers += [nn.Conv2d(64, 64, 3, 1, 1, groups=64), _norm(64), nn.ReLU()]
            layers += [nn.Conv2d(64, 64, 1), _norm(64), nn.ReLU()]
        super().__init__(*layers, nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(64, 12))


class VisualWakeWords(_Chain):
    """MobileNetV1-0.25: (N, 3, 96, 96), 0 … 1 → nobody, a person."""

    def __init__(self) -> None:
        layers = [nn.ZeroPad2d(FAR_SIDE), nn.Conv2d(3, 8, 3, 2), _norm(8), nn.ReLU()]
        channels = [8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256]
        strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
        for (inputs, outputs), stride in zip(pairwise(channels), strides, strict=True):
            padding = nn.ZeroPad2d(FAR_SIDE if stride == 2 else 1)
            layers += [padding, nn.Conv2d(inputs, inputs, 3, stride, groups=inputs), _norm(inputs), nn.ReLU()]
            layers += [nn.Conv2d(inputs, outputs, 1), _norm(outputs), nn.ReLU()]
        super().__init__(*layers, nn.AvgPool2d(3), nn.Flatten(), nn.Linear(256, 2))


class Autoencoder(_Chain):
    """Anomaly detection: (N, 640), five frames of 128 log-mel bands, and what it takes them for. The score is the mean square error."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise([640, 128, 128, 128, 128, 8, 128, 128, 128, 128]):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, eps=EPSILON), nn.ReLU()]
        super().__init__(*layers, nn.Linear(128, 640))


class StreamingWakeWord(_Chain):
    """(N, 40, 30, 1) mel bands by time, 0 … 1 → three classes."""

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        inputs = 40
        for taps, outputs in [(3, 128), (5, 128), (10, 128), (15, 32)]:
            layers += [nn.Conv2d(inputs, inputs, (taps, 1), groups=inputs, bias=False)]
            layers += [nn.Conv2d(inputs, outputs, 1, bias=False), _norm(outputs), nn.ReLU()]
            inputs = outputs
        super().__init__(*layers, nn.Flatten(), nn.Linear(32, 3))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON)
