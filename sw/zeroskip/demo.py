"""The main job on real data that are always at hand: the scans of handwritten digits that scikit-learn ships.

Source of the data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zeroskip import prune
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.extras import needs_extra
from zeroskip.explore.accuracy import TestData
from zeroskip.flow import Design, Simulation, compile, wave_simulator
from zeroskip.storage.atomic import write_json
from zeroskip.storage.design_folder import require_design_folder

SPARSITY = 0.9
LANES = 8
BATCH = 64
DENSE_EPOCHS, TUNING_EPOCHS = 60, 40
TEST_SHARE = 4
"""Every fourth scan is kept for testing."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits.

    train_x : scans for training, (N, 8, 8) float32, 0 … 1
    train_y : their labels, (N,) int64, 0 … 9
    test_x : scans for testing, in the same form
    test_y : their labels, in the same form
    """

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor

    @classmethod
    def load(cls) -> Digits:
        with needs_extra("demo"):
            from sklearn.datasets import load_digits

        data = load_digits()
        x = torch.from_numpy(data.images / 16.0).float()
        y = torch.from_numpy(data.target).long()
        test = torch.arange(len(x)) % TEST_SHARE == 0
        return cls(x[~test], y[~test], x[test], y[test])

    @property
    def test(self) -> TestData:
        return TestData.of(self.test_x, self.test_y)

    def batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The training scans in batches, always in the same order."""
        order = torch.randperm(len(self.train_x), generator=torch.Generator().manual_seed(0))
        return [(self.train_x[part], self.train_y[part]) for part in torch.split(order, BATCH)]


def network() -> nn.Sequential:
    """An untrained 64-256-128-10 network with BatchNorm."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(),
        nn.Linear(256, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(128, 10),
    )  # fmt: skip


def train(digits: Digits, seed: int, progress: Callable[[str], None]) -> tuple[nn.Sequential, prune.Masks, float]:
    """Returns a network that is trained, pruned to ``SPARSITY`` and fine-tuned, its masks, and its test accuracy before pruning."""
    torch.manual_seed(seed)
    model = network()
    everything = {
        name: torch.ones_like(weight.parameter, dtype=torch.bool) for name, weight in prune.prunable(model).items()
    }

    def report(phase: str, epochs: int) -> Callable[[prune.Epoch], None]:
        return lambda epoch: (
            progress(f"{phase}: epoch {epoch.epoch} of {epochs}, loss {epoch.loss:.4f}")
            if not epoch.epoch % 10
            else None
        )

    batches = digits.batches()
    prune.fine_tune(
        model, everything, batches, epochs=DENSE_EPOCHS, seed=seed, progress=report("training", DENSE_EPOCHS)
    )
    dense = digits.test.float_accuracy(model)
    masks = prune.magnitude(model, SPARSITY)
    prune.fine_tune(
        model,
        masks,
        batches,
        epochs=TUNING_EPOCHS,
        seed=seed,
        progress=report("fine-tuning under the mask", TUNING_EPOCHS),
    )
    return model, masks, dense


def trained() -> nn.Module:
    """The demo's network, as ``zeroskip build zeroskip.demo:trained`` takes it."""
    return train(Digits.load(), 1, lambda message: None)[0]


@dataclass(frozen=True, eq=False)
class DemoResult:
    """Everything that the demo's table says.

    design : the built design
    run : its simulation
    accuracies : shares by kind: float dense, float masked, integer masked, RTL
    samples : simulated scans
    paths : written files by what they are
    """

    design: Design
    run: Simulation
    accuracies: dict[str, float]
    samples: int
    paths: dict[str, Path]

    @property
    def passed(self) -> bool:
        return self.run.failure is None

    @property
    def verdict(self) -> str:
        good = f"RTL = integer reference, bit for bit, on {self.samples} scans; predicted cycles = simulated cycles"
        return self.run.failure or good

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "passed": self.passed, "accuracy": self.accuracies, "samples": self.samples,
            "predicted": self.design.cycles.to_json(), "simulated": self.run.cycles.to_json(),
            "summary": self.design.summary.to_json(), "clock_cycles": self.run.clock_cycles, "seconds": round(self.run.seconds, 3),
        }  # fmt: skip


def run_demo(out: Path, *, seed: int, progress: Callable[[str], None]) -> DemoResult:
    """Train, build into ``out`` and simulate all test scans. Waves of a few scans and ``demo.json`` go beside the design."""
    require_design_folder(out)
    digits = Digits.load()
    model, masks, dense = train(digits, seed, progress)
    design = compile(
        model,
        digits.train_x[:1],
        calibration=digits.train_x,
        masks=masks,
        config=ArrayConfig(lanes=LANES),
        progress=progress,
    )
    progress("writing the design")
    design.save(out, samples=digits.test_x.numpy())
    folder = out / "sim" / "verilator"
    folder.mkdir(parents=True, exist_ok=True)
    run = design.simulate(digits.test_x, seed=seed, folder=folder, progress=progress)
    paths = {"Verilog": out / "rtl", "images": out / "images", "manifest": out / "manifest.json", "simulation": folder}
    progress("recording waves")
    paths["waves"] = _waves(design, digits.test_x[:1], out / "sim" / "waves", progress)
    result = DemoResult(
        design, run,
        {
            "float dense": dense,
            "float masked": digits.test.float_accuracy(model),
            "integer masked": digits.test.accuracy(design.reference(digits.test_x)),
            "RTL": digits.test.accuracy(run.outputs),
        },
        len(digits.test_x), paths,
    )  # fmt: skip
    write_json(result.to_json(), out / "demo.json")
    return result


def _waves(design: Design, x: torch.Tensor, folder: Path, progress: Callable[[str], None]) -> Path:
    """Record FST by Verilator. It needs the headers of lz4 and zlib; without them Icarus records, or nothing is recorded."""
    simulator = wave_simulator()
    if simulator is None:
        return Path("none: install liblz4-dev and zlib1g-dev, or iverilog")
    folder.mkdir(parents=True, exist_ok=True)
    design.simulate(x, simulator=simulator, waves=True, folder=folder, progress=progress)
    return next(path for pattern in ("*.fst", "*.vcd") for path in folder.glob(pattern))
