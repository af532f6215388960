"""Area of arrays as yosys maps them, beside the estimate: ``python benchmarks/areas.py [ARRAY …]``. Without place and route.

An array is written as ``4x8x2-residual``: lanes, columns, epilogues, and the kind of network that it is sized for; behind it
accumulator bits, where they shall be others than that network's. Areas do not depend on what memories hold, so
these hold nothing. ``--terms`` fits the linear models of ``sw/zeroskip/synth/estimate.py`` anew.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zeroskip.cli import tables
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.frontend import capture
from zeroskip.quantize import quantize
from zeroskip.schedule import schedule
from zeroskip.synth import TARGETS, Area, ModuleArea, Target, estimate, map_areas
from zeroskip.synth.estimate import queue, stored, terms
from zeroskip_hw.verilog import generate

SEED = 1
ARRAYS = (
    "1x1x1-plain", "1x4x1-residual", "2x2x2-residual", "2x8x1-plain", "4x1x1-samples", "4x1x2-samples", "4x2x1-samples-36",
    "4x4x1-plain", "4x4x1-plain-16", "4x4x1-residual", "4x8x2-residual", "8x1x1-samples", "8x2x1-plain",
)  # fmt: skip
"""Those that the models are fitted to."""

TOP = "zeroskip"


class Block(nn.Module):
    """Two convolutions and an addition."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.path(x))


def network(kind: str) -> QuantizedNetwork:
    """One of random weights, of which a fifth is kept."""
    torch.manual_seed(SEED)
    if kind == "samples":
        model: nn.Module = nn.Sequential(
            nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
        )
        x = torch.rand(8, 64)
    else:
        residual = [Block(32), nn.MaxPool2d(2)] if kind == "residual" else []
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), *residual,
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(), *([nn.AdaptiveAvgPool2d(1)] if residual else []), nn.Flatten(),
            nn.LazyLinear(10),
        )  # fmt: skip
        x = torch.rand(8, 3, 32, 32)
    model(x)
    masks = {name: torch.rand(value.shape) < 0.2 for name, value in model.named_parameters() if name.endswith("weight")}
    return quantize(capture(model.eval(), x[:1], masks), x.numpy())


def sized(array: str) -> ArrayConfig:
    """The configuration of an array that is written as above."""
    shape, kind, *bits = array.split("-")
    lanes, columns, epilogues = map(int, shape.split("x"))
    config = ArrayConfig(lanes=lanes, columns=columns, epilogues=epilogues)
    found = schedule(network(kind), config).config
    return replace(found, acc_bits=int(bits[0])) if bits else found


def mapped(config: ArrayConfig, target: str) -> dict[str, ModuleArea]:
    """The areas of the whole and of a lane."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("rtl", "images"):
            (folder / part).mkdir()
        for memory in Layout(config).memories:
            (folder / "images" / f"{memory.name}.mem").touch()
        for file, text in generate(config).files.items():
            (folder / "rtl" / file).write_text(f"`define ZEROSKIP_NO_IMAGES\n{text}")
        (folder / "manifest.json").write_text(json.dumps({"verilog": {"top": TOP, "clock": "clk"}}))
        return map_areas(folder, target)


def _row(array: str, found: Area, guess: Area) -> list[str]:
    return [
        array,
        *(f"{getattr(area, name):,}" for name in ("lut4", "ff", "bram", "dsp") for area in (guess, found)),
    ]


def _terms(configs: list[ArrayConfig], known: list[dict[str, dict[str, int]]], target: Target) -> None:
    """Least squares of the relative errors, with no term below 0: first a lane's terms by the lanes, then the others by the rest."""
    from scipy.optimize import nnls

    names = list(terms(configs[0]))
    counts = np.array([list(terms(config).values()) for config in configs], dtype=float)
    of_lane = np.array([name.startswith(("lane", "mac", "maximum")) for name in names])
    for resource in ("lut4", "ff"):
        whole = np.array([modules[TOP][resource] for modules in known], dtype=float)
        lanes = np.array(
            [sum(_all(module, resource) for name, module in modules.items() if name != TOP) for modules in known]
        )
        queues = np.array([getattr(queue(config, target), resource) for config in configs])
        others = np.array([getattr(stored(config, target), resource) for config in configs]) - queues
        found = np.zeros(len(names))
        found[of_lane] = nnls(counts[:, of_lane] / lanes[:, None], (lanes - queues) / lanes)[0]
        found[~of_lane] = nnls(counts[:, ~of_lane] / whole[:, None], (whole - lanes - others) / whole)[0]
        errors = (counts @ found + queues + others) / whole - 1
        tables.out.print(resource, {name: round(float(value), 1) for name, value in zip(names, found, strict=True)})
        tables.out.print("errors", [f"{error:+.1%}" for error in errors])


def _all(module: dict[str, int], resource: str) -> int:
    return module[resource] * module["instances"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arrays", nargs="*", metavar="ARRAY", help="by default those that the models are fitted to")
    parser.add_argument("--target", default="ecp5-85k", help="part, ecp5-85k by default")
    parser.add_argument(
        "--out", type=Path, help="JSON file that keeps what was mapped; what it has is not mapped again"
    )
    parser.add_argument("--terms", action="store_true", help="fit the models")
    options = parser.parse_args()
    known = json.loads(options.out.read_text()) if options.out and options.out.exists() else {}
    arrays, configs, areas, rows = options.arrays or list(ARRAYS), [], [], []
    for array in arrays:
        configs.append(sized(array))
        if array not in known:
            known[array] = {name: vars(area) for name, area in mapped(configs[-1], options.target).items()}
            if options.out:
                options.out.write_text(json.dumps(known, indent=1))
        whole = {name: known[array][TOP][name] for name in ("lut4", "ff", "bram", "dsp")}
        areas.append(Area(**whole))
        rows.append(_row(array, areas[-1], estimate(configs[-1], TARGETS[options.target])))
    heads = [
        "array",
        *(f"{name} {what}" for name in ("LUT4", "FF", "block RAM", "DSP") for what in ("estimated", "mapped")),
    ]
    tables.out.print(tables.NumberTable(f"areas on {options.target}", heads, rows))
    if options.terms:
        _terms(configs, [known[array] for array in arrays], TARGETS[options.target])


if __name__ == "__main__":
    main()
