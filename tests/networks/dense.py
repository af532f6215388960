"""Fully connected networks that others trained."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tests.networks.digits import mnist
from tests.networks.mlperf_tiny import Autoencoder, tiny
from tests.networks.network import RealNetwork, stored
from torch import nn


def lenet_300_100(data: Path, kind: str) -> RealNetwork:
    """``dense``, or ``sparse`` as its authors pruned it; inputs are pixels in 256ths."""
    model = perceptron(data / "dns_pruned_lenet" / f"lenet300100_{kind}.npz", 784, 300, 100, 10, first=1)
    images, labels = mnist(data, "t10k")
    return RealNetwork(model, mnist(data, "train")[0][:1000] / 256, images / 256, labels)


def autoencoder(data: Path) -> RealNetwork:
    """Inputs are the 196 windows of five frames of one real clip, which also calibrate."""
    clip = np.load(data / "toyadmos_sample" / "normal_id_01_00000000_200x128_f32.npy")
    windows = np.stack([clip[start : start + 5].reshape(640) for start in range(196)])
    return RealNetwork(tiny(data, Autoencoder(), "ad_autoencoder"), windows, windows, None)


def jet_tagger(data: Path, kind: str) -> RealNetwork:
    """``dense`` or ``70pruned``; there are no real inputs, so they are random."""
    model = perceptron(data / "jet_tagging" / f"jet3layer_{kind}.npz", 16, 64, 32, 32, 5)
    x = np.random.default_rng(16).standard_normal((1000, 16)).astype(np.float32)
    return RealNetwork(model, x, x, None)


def perceptron(path: Path, *sizes: int, first: int = 0) -> nn.Sequential:
    """Linear layers with ReLU between them, and the weights that the file has under their numbers from ``first`` on."""
    layers: list[nn.Module] = [nn.Flatten()] if first else []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    model.load_state_dict({name: torch.from_numpy(value) for name, value in stored(path).items()})
    return model.eval()
