"""Prunes trained convolutional networks: in one shot from calibration images, and tuned with a dense teacher.

``python benchmarks/pruning_networks.py``, on the data of ``make data``; writes build/pruning-networks.json. Names
of parts, ``one-shot`` or a network, run only these. One shot sees 1,024 training images and no labels, and takes no gradients. Tuning
has the 5,000 training images, or every second keyword, the others being measured. Test inputs choose nothing: epochs are fixed, and the
weights of the last are measured.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tests.data.folder import needed  # noqa: E402
from tests.networks.catalog import CONVOLUTIONAL  # noqa: E402
from tests.networks.network import RealNetwork  # noqa: E402
from tests.networks.training import Batches, cifar_training, halved  # noqa: E402

import zeroskip as zs  # noqa: E402
from zeroskip.cli import tables  # noqa: E402
from zeroskip.prune import apply, cosine, fine_tune, magnitude, obs, reconstruct, summary  # noqa: E402

CALIBRATION, BATCH = 1024, 128
ONE_SHOT = {0.5: 90.5, 0.7: 86.0}
"""Least accuracy of ResNet-20 by sparsity."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """sparsity, target : of the network tuned; rate : Adam's, which falls to 0 as a cosine; temperature, distillation : of the teacher."""

    sparsity: float
    target: float
    epochs: int
    rate: float
    temperature: float = 4.0
    distillation: float = 0.9


TUNED = {
    "ResNet-20": Recipe(sparsity=0.8, target=89.5, epochs=12, rate=5e-4),
    "ResNet-8": Recipe(sparsity=0.6, target=84.0, epochs=30, rate=3e-4),
    "DS-CNN": Recipe(sparsity=0.6, target=88.0, epochs=80, rate=1e-3, temperature=2.0, distillation=1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"one-shot, {', '.join(TUNED)}; all by default")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build/pruning-networks.json")
    options = parser.parse_args()
    unknown = set(options.parts) - {"one-shot", *TUNED}
    if unknown:
        parser.error(f"unknown part {sorted(unknown)[0]!r}; allowed are one-shot, {', '.join(TUNED)}")
    parts = options.parts or ["one-shot", *TUNED]
    names = ("ResNet-20" if part == "one-shot" else part for part in parts)
    data = needed(*(file for name in names for file in CONVOLUTIONAL[name].needs))
    results = json.loads(options.out.read_text()) if options.out.exists() else {}
    with tables.progress() as progress:
        for part in parts:
            results[part] = one_shot(data, progress) if part == "one-shot" else tuned(part, data, progress)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(results, indent=1) + "\n")
    rows = [row for part in parts for row in results[part]]
    tables.out.print(
        tables.NumberTable(
            "Accuracy on inputs that were not seen, of the float network and of its 8-bit integers",
            ["network", "sparsity", "method", "float", "integer", "at least", "seconds"],
            [
                [
                    r["network"], f"{r['sparsity']:.2%}", r["method"], f"{r['float']:.2f} %", f"{r['integer']:.2f} %",
                    f"{r['target']:.1f} %" if r["target"] else "", f"{r['seconds']:.0f}",
                ]
                for r in rows
            ],
        )
    )  # fmt: skip
    tables.out.print(f"written to {options.out}")


def loaded(name: str, data: Path) -> tuple[RealNetwork, Batches, list[torch.Tensor]]:
    """The network with inputs to be measured on, batches to train with, and calibration inputs."""
    network = CONVOLUTIONAL[name].load(data)
    if name == "DS-CNN":
        training, network = halved(network)
    else:
        training = cifar_training(data, name)
    return network, training, list(training.x[:CALIBRATION].split(BATCH))


def one_shot(data: Path, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """ResNet-20 by magnitude, the same with its kept weights fitted, and by Optimal Brain Surgeon."""
    name = "ResNet-20"
    network, _, inputs = loaded(name, data)

    def fitted(model: torch.nn.Module, sparsity: float) -> zs.prune.Masks:
        masks = magnitude(model, sparsity)
        reconstruct(model, masks, inputs, progress=progress)
        return masks

    methods = {
        "magnitude": magnitude,
        "magnitude, kept weights fitted": fitted,
        "OBS": lambda model, sparsity: obs(model, sparsity, inputs, progress=progress),
    }
    rows = [_row(name, network, network.model, {}, "dense", 0.0, None)]
    for sparsity, target in ONE_SHOT.items():
        for method, prune in methods.items():
            start, model = time.time(), copy.deepcopy(network.model)
            masks = prune(model, sparsity)
            apply(model, masks)
            seconds = time.time() - start
            rows.append(_row(name, network, model, masks, method, seconds, target if method == "OBS" else None))
    return rows


def tuned(name: str, data: Path, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """By Optimal Brain Surgeon, then under the mask with the dense network as the teacher."""
    recipe = TUNED[name]
    network, training, inputs = loaded(name, data)
    start, model = time.time(), copy.deepcopy(network.model)
    masks = obs(model, recipe.sparsity, inputs, progress=progress)
    before = _row(name, network, model, masks, "OBS", time.time() - start, None)
    fine_tune(
        model, masks, training, epochs=recipe.epochs, optimizer=lambda p: torch.optim.Adam(p, lr=recipe.rate), rate=cosine,
        teacher=network.model, temperature=recipe.temperature, distillation=recipe.distillation, frozen_norms=True, seed=1,
        progress=lambda epoch: progress(f"{name}: epoch {epoch.epoch} of {recipe.epochs}, loss {epoch.loss:.3f}"),
    )  # fmt: skip
    dense = _row(name, network, network.model, {}, "dense", 0.0, None)
    return [dense, before, _row(name, network, model, masks, "OBS, tuned", time.time() - start, recipe.target)]


def _row(
    name: str, network: RealNetwork, model: torch.nn.Module, masks: zs.prune.Masks, method: str, seconds: float, target: float | None
) -> dict[str, Any]:  # fmt: skip
    pruned = RealNetwork(model, network.calibration, network.inputs, network.labels)
    design = zs.compile(model, network.example, calibration=network.calibration, masks=masks)
    rows = summary(masks)
    total = sum(row.total for row in rows)
    return {
        "network": name, "method": method, "sparsity": 1 - sum(row.kept for row in rows) / total if total else 0.0,
        "float": pruned.accuracy(pruned.float_outputs()), "integer": pruned.accuracy(design.reference(network.inputs)),
        "target": target, "seconds": seconds, "samples": len(network.inputs),
    }  # fmt: skip


if __name__ == "__main__":
    main()
