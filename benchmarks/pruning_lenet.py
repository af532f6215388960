"""Prunes the two LeNets on MNIST to the sparsities of Dynamic Network Surgery, and prints accuracies and sparsities.

``python benchmarks/pruning_lenet.py``, on the data of ``make data``; writes build/pruning-lenet.json. Each
network is trained densely, then pruned gradually with the dense one as its teacher, for a fixed number of epochs; the weights after the
last are measured. ``--holdout`` keeps the last 5,000 training images out of the training and measures on them instead of the test
images: recipes are chosen so.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.data.folder import needed  # noqa: E402
from tests.networks.digits import mnist  # noqa: E402
from tests.networks.lenets import Deformed, lenet_5, lenet_300_100  # noqa: E402

from zeroskip.prune import fine_tune, magnitude  # noqa: E402
from zeroskip.prune.masks.apply import summary  # noqa: E402
from zeroskip.prune.training.gradual import gradual  # noqa: E402
from zeroskip.prune.training.learning_rates import cosine, warm_up  # noqa: E402
from zeroskip.prune.training.loop import Epoch  # noqa: E402

HELD_OUT = 5000


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is pruned, and what is to be reached.

    targets, published : accuracy and sparsity in percent
    sparsity : over all prunable weights
    dense, sparse : epochs of the dense training, and of the gradual pruning and what follows it
    """

    network: Callable[[], nn.Sequential]
    targets: tuple[float, float]
    published: tuple[float, float]
    sparsity: float
    allocation: str
    dense: int
    sparse: int


RECIPES = {
    "LeNet-300-100": Recipe(
        network=lenet_300_100, targets=(98.0, 98.1), published=(98.01, 98.13),
        sparsity=0.982, allocation="global", dense=25, sparse=100,
    ),
    "LeNet-5": Recipe(
        network=lenet_5, targets=(99.0, 99.0), published=(99.09, 99.07),
        sparsity=0.9908, allocation="lamp", dense=8, sparse=22,
    ),
}  # fmt: skip
BATCH = 128
RATE = 2e-3
RAMP_END = 0.5
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Result:
    """Accuracies in percent of the images measured, sparsity in percent of the prunable weights."""

    network: str
    dense_accuracy: float
    accuracy: float
    sparsity: float
    kept: dict[str, int]
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=RECIPES, action="append", help="only this one; the file keeps the others")
    parser.add_argument("--holdout", action="store_true", help=f"measure on the last {HELD_OUT} training images")
    arguments = parser.parse_args()
    data = needed("mnist")
    train, measured = images(data, "train"), images(data, "t10k")
    if arguments.holdout:
        measured = tuple(part[-HELD_OUT:] for part in train)
        train = tuple(part[:-HELD_OUT] for part in train)
    results = [run(name, RECIPES[name], train, measured) for name in arguments.network or RECIPES]
    print_table(results)
    if not arguments.holdout:
        path = REPOSITORY / "build" / "pruning-lenet.json"
        path.parent.mkdir(exist_ok=True)
        found = json.loads(path.read_text()) if arguments.network and path.is_file() else {}
        found |= {result.network: asdict(result) for result in results}
        path.write_text(json.dumps(found, indent=2) + "\n")
        print(f"\nwritten to {path.relative_to(REPOSITORY)}")


def images(data: Path, name: str) -> tuple[torch.Tensor, ...]:
    x, labels = mnist(data, name)
    return torch.from_numpy(x / np.float32(255))[:, None], torch.from_numpy(labels.astype("int64"))


def run(name: str, recipe: Recipe, train: tuple[torch.Tensor, ...], measured: tuple[torch.Tensor, ...]) -> Result:
    started = time.monotonic()
    torch.manual_seed(SEED)
    model = recipe.network().to(memory_format=torch.channels_last)  # twice as fast as the other layout on a processor
    batches = Deformed(images=train[0], labels=train[1], size=BATCH)

    def told(stage: str, epochs: int) -> Callable[[Epoch], None]:
        def progress(epoch: Epoch) -> None:
            seconds = time.monotonic() - started
            print(
                f"{name} {stage}: epoch {epoch.epoch} of {epochs}, loss {epoch.loss:.4f}, {seconds:.0f} s", flush=True
            )

        return progress

    def optimizer(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=RATE, fused=True)

    fine_tune(
        model, {}, batches, epochs=recipe.dense, optimizer=optimizer, rate=warm_up(cosine, 0.05), seed=SEED,
        progress=told("dense", recipe.dense),
    )  # fmt: skip
    dense = accuracy(model, measured)
    masks = gradual(
        model, partial(magnitude, allocation=recipe.allocation), recipe.sparsity, batches, epochs=recipe.sparse, end=RAMP_END,
        teacher=copy.deepcopy(model), optimizer=optimizer, rate=warm_up(cosine, 0.02), seed=SEED,
        progress=told("sparse", recipe.sparse),
    )  # fmt: skip
    rows = summary(masks)
    return Result(
        network=name, dense_accuracy=dense, accuracy=accuracy(model, measured),
        sparsity=100 * (1 - sum(row.kept for row in rows) / sum(row.total for row in rows)),
        kept={row.name: row.kept for row in rows}, seconds=time.monotonic() - started,
    )  # fmt: skip


@torch.no_grad()
def accuracy(model: nn.Module, measured: tuple[torch.Tensor, ...]) -> float:
    """Percent of the images whose largest output is the label's."""
    right = sum(
        int((model(x).argmax(1) == labels).sum())
        for x, labels in zip(*(part.split(1000) for part in measured), strict=True)
    )
    return 100 * right / len(measured[1])


def print_table(results: list[Result]) -> None:
    print("\n| network | weights kept | sparsity | accuracy | to reach | published | dense | time |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for result in results:
        recipe = RECIPES[result.network]
        reached, published = (f"{a:.2f} % at {s:.2f} %" for a, s in (recipe.targets, recipe.published))
        print(
            f"| {result.network} | {sum(result.kept.values()):,} | {result.sparsity:.2f} % | {result.accuracy:.2f} % | ≥ {reached} | "
            f"{published} | {result.dense_accuracy:.2f} % | {result.seconds:.0f} s |"
        )


if __name__ == "__main__":
    main()
