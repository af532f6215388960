"""The designs that every export is tried with: two tiny ones, the demo's, and two networks that others trained."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from tests.data.folder import data_folder
from tests.golden.update import design as golden_design
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.dense import lenet_300_100
from torch import nn

import zeroskip as zs
import zeroskip_hw
from zeroskip import demo
from zeroskip_sim.build import cache_folder

NEEDS = {
    "flat": (), "flat_again": (), "strips": (), "demo": (),
    "lenet": ("dns_pruned_lenet/lenet300100_sparse.npz", "mnist"),
    "resnet8": CONVOLUTIONAL["ResNet-8"].needs,
}  # fmt: skip
"""What of the data folder each design is made from."""

SMALL = ("flat", "strips")
REAL = ("demo", "lenet", "resnet8")

Made = tuple[zs.Design, np.ndarray]
"""A design and some inputs for it, float as its user has them."""


def built(name: str) -> Path:
    """Folder of the saved design, ``inputs.npy`` in it. It is made once, and kept by the hash of all that makes it; do not write in it."""
    folder = cache_folder() / "designs" / f"{name}-{_key(name)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            design, samples = _RECIPES[name]()
            design.save(folder / "net", samples=samples)
    return folder / "net"


def _flat() -> Made:
    """One lane, one column; memories of a few words."""
    return golden_design(), np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)


def _flat_again() -> Made:
    """Other weights for the array of the first, on as many of its inputs."""
    first, x = _flat()
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[0.5, 0, 0, 0], [0, 0, 0, -1.0], [0, 0, 0, 0], [0.75, 0, 0, 0]]))
        model[2].weight.copy_(torch.tensor([[1.0, 0, 0, -0.5], [0, -1.0, 0, 0]]))
    return zs.compile(model, torch.from_numpy(x[:1]), calibration=x, config=first.config), x


def _strips() -> Made:
    """Two lanes, two columns, on an image; residuals, a maximum, and memories that the network does not fill."""
    torch.manual_seed(7)
    model = _Small().eval()
    x = torch.randn(6, 2, 6, 6)
    masks = zs.prune.magnitude(model, 0.5)
    config = zs.ArrayConfig(lanes=2, columns=2, word=16, stream_bits=16)
    sized = zs.compile(model, x[:1], calibration=x, masks=masks, config=config).config
    larger = zs.ArrayConfig(
        **{**sized.to_json(), "weight_depth": sized.weight_depth + 5, "mask_depth": sized.mask_depth + 3}
    )
    return zs.compile(model, x[:1], calibration=x, masks=masks, config=larger), x.numpy()


class _Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4 * 3 * 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x) + x)
        return self.head(torch.max_pool2d(x, 2).flatten(1))


def _demo() -> Made:
    digits = demo.Digits.load()
    model, masks, _ = demo.train(digits, 1, lambda message: None)
    config = zs.ArrayConfig(lanes=demo.LANES)
    design = zs.compile(model, digits.train_x[:1], calibration=digits.train_x, masks=masks, config=config)
    return design, digits.test_x.numpy()


def _lenet() -> Made:
    network = lenet_300_100(data_folder(), "sparse")
    config = zs.ArrayConfig(lanes=8, stream_bits=64)
    return zs.compile(network.model, network.example, calibration=network.calibration, config=config), network.inputs


def _resnet8() -> Made:
    source = CONVOLUTIONAL["ResNet-8"]
    network = source.load(data_folder())
    masks = zs.prune.magnitude(network.model, 0.8)
    config = zs.ArrayConfig(lanes=source.lanes, columns=source.columns)
    design = zs.compile(network.model, network.example, calibration=network.calibration, masks=masks, config=config)
    return design, network.inputs


_RECIPES: dict[str, Callable[[], Made]] = {
    "flat": _flat, "flat_again": _flat_again, "strips": _strips, "demo": _demo, "lenet": _lenet, "resnet8": _resnet8,
}  # fmt: skip


def _key(name: str) -> str:
    recipe = [inspect.getsource(part) for part in (_RECIPES[name], _Small)]
    return hashlib.sha256(json.dumps([recipe, _sources()], sort_keys=True).encode()).hexdigest()[:24]


@cache
def _sources() -> dict[str, str]:
    """sha256 by file of what turns a network into a design."""
    root = Path(str(zs.__file__)).parent
    parts = [root / name for name in _PIPELINE] + [Path(str(zeroskip_hw.__file__)).parent]
    paths = [
        path for part in parts for path in ([part] if part.is_file() else part.rglob("*")) if path.suffix in _SOURCES
    ]
    return {"/".join(path.parts[-4:]): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


_SOURCES = (".py", ".v", ".j2", ".json")
_PIPELINE = (
    "contracts", "storage", "prune", "frontend", "quantize", "schedule", "pack", "float_layer.py", "flow.py", "demo.py",
)  # fmt: skip
