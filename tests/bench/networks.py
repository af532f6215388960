"""Trained networks that the benchmark runs: the demo's, and those whose files are in ``ZEROSKIP_DATA``."""

from __future__ import annotations

import gzip
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

import zeroskip as zs
from zeroskip import demo, tables

DATA = Path(os.environ.get("ZEROSKIP_DATA", Path(__file__).parents[3] / "shared" / "data"))


@dataclass(frozen=True, eq=False)
class Case:
    """quality : what the run's outputs are worth, from the simulation's integers."""

    name: str
    design: zs.Design
    x: np.ndarray
    quality: Callable[[zs.Simulation], str]


def real_networks() -> Iterator[Case]:
    """The demo's digits first; then whatever data is there."""
    yield _digits()
    for folder, case in (("dns_pruned_lenet", _lenet), ("mlperf_tiny", _autoencoder), ("jet_tagging", _jets)):
        if (DATA / folder).is_dir():
            yield from case()
        else:
            tables.out.print(f"{folder}: not measured: {DATA / folder} is absent")


def _digits() -> Case:
    digits = demo.Digits.load()
    model, masks, _ = demo.train(digits, 1, lambda message: None)
    design = zs.compile(
        model, digits.train_x[:1], calibration=digits.train_x, masks=masks, config=zs.ArrayConfig(lanes=demo.LANES)
    )
    return Case(
        "digits 64-256-128-10", design, digits.test_x.numpy(),
        lambda run: f"{demo.accuracy(run.outputs, digits.test_y):.2%} of {len(digits.test_x)}",
    )  # fmt: skip


def _idx(name: str, offset: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((DATA / "mnist" / name).read_bytes()), dtype=np.uint8)[offset:]


def _mnist(name: str) -> np.ndarray:
    return _idx(f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28) / 256.0


def _lenet() -> Iterator[Case]:
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    test, labels = _mnist("t10k"), _idx("t10k-labels-idx1-ubyte.gz", 8)
    calibration = _mnist("train")[:1000]
    for kind, samples in (("sparse", 1000), ("dense", 100)):
        with np.load(DATA / "dns_pruned_lenet" / f"lenet300100_{kind}.npz") as values:
            model.load_state_dict({name: torch.from_numpy(values[name]) for name in values.files})
        design = zs.compile(model, torch.zeros(1, 28, 28), calibration=calibration, config=zs.ArrayConfig(lanes=16))
        exact = float((design.reference(test).argmax(axis=1) == labels).mean())
        yield Case(f"LeNet-300-100 {kind}", design, test[:samples], lambda run, exact=exact: f"{exact:.2%} of 10,000")


def _autoencoder() -> Iterator[Case]:
    spec = importlib.util.spec_from_file_location("tiny_models", DATA / "mlperf_tiny" / "tiny_models.py")
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    model = tiny.load(tiny.AD(), DATA / "mlperf_tiny" / "ad_autoencoder.npz")
    clip = np.load(DATA / "toyadmos_sample" / "normal_id_01_00000000_200x128_f32.npy")
    windows = np.stack([clip[i : i + 5].reshape(-1) for i in range(len(clip) - 4)])
    masks = zs.prune.magnitude(model, 0.75)
    design = zs.compile(model, torch.zeros(1, 640), calibration=windows, masks=masks, config=zs.ArrayConfig(lanes=16))

    def score(run: zs.Simulation) -> str:
        return f"score {float(((design.dequantize(run.outputs) - windows) ** 2).mean()):.2f}"

    yield Case("autoencoder at 75 %", design, windows, score)


def _jets() -> Iterator[Case]:
    sizes = (16, 64, 32, 32, 5)
    for kind in ("dense", "70pruned"):
        layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())][:-1]
        model = nn.Sequential(*layers)
        with np.load(DATA / "jet_tagging" / f"jet3layer_{kind}.npz") as values:
            model.load_state_dict({name: torch.from_numpy(values[name]) for name in values.files})
        x = np.random.default_rng(1).normal(size=(1000, 16))
        design = zs.compile(model, torch.zeros(1, 16), calibration=x, config=zs.ArrayConfig(lanes=4))
        yield Case(f"jet tagger {kind}", design, x, lambda run: "random inputs")
