"""Small models for the pruning tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn


class Mixed(nn.Module):
    """One of everything: convolutions, normalisation, an embedding, fully connected layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.conv1 = nn.Conv1d(1, 2, 3, padding=1)
        self.conv2 = nn.Conv2d(1, 3, 2)
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)
        self.layer_norm = nn.LayerNorm(18)
        self.fc1 = nn.Linear(18, 7)
        self.fc2 = nn.Linear(7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv1(x.reshape(-1, 1, 12)).mean(1).reshape(-1, 1, 4, 3)
        x = self.norm(self.conv2(x)).flatten(1)
        return self.fc2(torch.relu(self.fc1(self.drop(self.layer_norm(x)))))


@pytest.fixture
def mixed() -> nn.Module:
    torch.manual_seed(1)
    return Mixed()


@pytest.fixture
def mlp() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4))


@pytest.fixture
def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Four classes, told apart by which three of the twelve inputs are raised."""
    generator = torch.Generator().manual_seed(3)
    pairs = []
    for _ in range(8):
        target = torch.randint(4, (16,), generator=generator)
        x = torch.randn(16, 12, generator=generator)
        x += 3 * (torch.arange(12) // 3 == target[:, None])
        pairs.append((x, target))
    return pairs


@pytest.fixture
def state() -> Callable[[nn.Module], dict[str, torch.Tensor]]:
    """A copy of every parameter and buffer."""
    return lambda model: {name: value.detach().clone() for name, value in model.state_dict().items()}
