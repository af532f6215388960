"""Small designs for testbenches, one of each kind of array."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from tests.elaboration import verilog_of
from torch import nn

import zeroskip as zs


@cache
def design_of(kind: str) -> tuple[zs.Design, np.ndarray]:
    """A design, and inputs for it.

    kind : ``flat``, a batch of three columns, so that samples are filled up; ``strips``, with every feature that an array may have
    """
    torch.manual_seed(7)
    rng = np.random.default_rng(7)
    if kind == "flat":
        model: nn.Module = nn.Sequential(nn.Linear(13, 20), nn.ReLU(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 5))
        x, config = rng.normal(size=(7, 13)), zs.ArrayConfig(lanes=2, columns=3, word=8, stream_bits=32)
    else:
        model, x = Featured(), rng.normal(size=(3, 2, 6, 6))
        config = zs.ArrayConfig(lanes=2, columns=2, word=16, stream_bits=16)
    x = x.astype(np.float32)
    masks = zs.prune.magnitude(model, 0.6)
    design = zs.compile(model.eval(), torch.from_numpy(x[:1]), calibration=x, masks=masks, config=config)
    made = verilog_of(design.config)
    design.__dict__["_generated"] = (made.files, made.sidecar)
    return design, x


class Featured(nn.Module):
    """A maximum, a residual, slopes and a table."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 3, 1)
        self.pool, self.leaky = nn.MaxPool2d(2), nn.LeakyReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.leaky(self.a(x))
        y: torch.Tensor = torch.sigmoid(self.c(self.pool(torch.relu(x + self.b(x)))))
        return y
