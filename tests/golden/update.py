"""Write the golden files anew, on purpose: ``make snapshot``. The test beside the flow compares them with what the code gives.

``zeroskip.v`` and ``zeroskip_core.v`` are the array of one lane and one column, the smallest that can be read; ``design/`` is a network of
two layers packed for it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

import zeroskip as zs

HERE = Path(__file__).parent
VERILOG = ("zeroskip.v", "zeroskip_core.v")


def design() -> zs.Design:
    """Four inputs, four hidden units, two outputs; weights in plain sight, a dead hidden row and an unread input among them."""
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [-0.5, 0, 0.25, 0], [0, 0, 1.0, 0]]))
        model[0].bias.copy_(torch.tensor([0.0, 0.5, 0.25, -0.5]))
        model[2].weight.copy_(torch.tensor([[1.0, 2.0, 0.0, -1.0], [0.0, 0.0, 0.5, 0.0]]))
        model[2].bias.copy_(torch.tensor([0.125, 0.0]))
    x = torch.linspace(-1, 1, 32).reshape(8, 4)
    return zs.compile(model, x[:1], calibration=x, config=zs.ArrayConfig(lanes=1, word=8, stream_bits=16))


def write(folder: Path) -> None:
    """The golden files into ``folder``."""
    built = design()
    built.save(folder / "design", image_formats=["mem", "hex", "coe", "mif", "bin"])
    shutil.rmtree(folder / "design" / "rtl")
    for name in VERILOG:
        (folder / name).write_text(built.verilog[name])


if __name__ == "__main__":
    shutil.rmtree(HERE / "design", ignore_errors=True)
    write(HERE)
    print(f"written to {HERE}")
