"""Processor time and memory of compiling: fully connected layers of 0.1 to 25 million weights, and a network of ResNet-50's shapes."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn

import zeroskip as zs
from zeroskip.cli import tables
from zeroskip.frontend import capture
from zeroskip.pack import pack
from zeroskip.quantize import quantize
from zeroskip.schedule import predict, schedule

SPARSITY = 0.8
SIDES = (316, 1000, 3162, 5000)
"""Of square fully connected layers."""

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""ResNet-50's: inner channels, blocks, stride of the first."""


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions, and what is added to them."""

    def __init__(self, before: int, inner: int, stride: int) -> None:
        super().__init__()
        after = 4 * inner
        self.path = nn.Sequential(
            *_normed(before, inner, 1),
            nn.ReLU(),
            *_normed(inner, inner, 3, stride),
            nn.ReLU(),
            *_normed(inner, after, 1),
        )
        self.skip = (
            nn.Sequential(*_normed(before, after, 1, stride)) if before != after or stride > 1 else nn.Identity()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.path(x) + self.skip(x))


def resnet_50() -> nn.Module:
    """Random weights, 224 × 224 pixels."""
    layers: list[nn.Module] = [*_normed(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = 64
    for inner, blocks, stride in STAGES:
        for number in range(blocks):
            layers.append(Bottleneck(before, inner, 1 if number else stride))
            before = 4 * inner
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000))


def _normed(before: int, after: int, kernel: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after)


def measure(progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Each in a process of its own, whose largest memory is told; images and prediction, from the quantized network on."""
    cases: list[tuple[str, int | None, zs.ArrayConfig]] = [
        *((f"{side} × {side}", side, zs.ArrayConfig(lanes=16)) for side in SIDES),
        ("ResNet-50's shapes", None, zs.ArrayConfig(lanes=8, columns=8)),
    ]
    rows = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name, side, config in cases:
            progress(f"compiling {name}")
            rows.append({"network": name, **pool.apply(_compiled, (side, config))})
    tables.out.print(
        tables.NumberTable(
            f"From a quantized network to images and prediction, {SPARSITY:.0%} of the weights zero",
            ["network", "array", "weights", "schedule, s", "images, s", "prediction, s", "all, s", "GB"],
            [
                [
                    r["network"], r["array"], f"{r['weights']:,}", f"{r['schedule']:.1f}", f"{r['pack']:.1f}", f"{r['predict']:.1f}",
                    f"{r['schedule'] + r['pack'] + r['predict']:.1f}", f"{r['gigabytes']:.1f}",
                ]
                for r in rows
            ],
        )
    )  # fmt: skip
    return rows


def _compiled(side: int | None, config: zs.ArrayConfig) -> dict[str, Any]:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = (resnet_50() if side is None else nn.Sequential(nn.Linear(side, side))).eval()
    x = torch.rand(2, 3, 224, 224) if side is None else torch.rand(8, side)
    masks = zs.prune.magnitude(model, SPARSITY)
    network = quantize(capture(model, x[:1], masks), x.numpy())
    times = [time.process_time()]
    plan = schedule(network, config)
    times.append(time.process_time())
    pack(plan)
    times.append(time.process_time())
    predict(plan)
    times.append(time.process_time())
    schedule_s, pack_s, predict_s = (after - before for before, after in pairwise(times))
    return {
        "array": f"{config.lanes} × {config.columns}", "weights": sum(mask.numel() for mask in masks.values()),
        "schedule": schedule_s, "pack": pack_s, "predict": predict_s,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }  # fmt: skip
