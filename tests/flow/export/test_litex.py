"""LiteX elaborates a SoC with the exported core, and the SoC computes: DMA from memory, through the array, back to memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.flow.export.litex_system import Commands, System, from_memory, in_memory
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import built
from torch import nn

import zeroskip as zs
from zeroskip import reference
from zeroskip.contracts import registers as reg
from zeroskip.contracts.streams import to_input_stream, to_output_stream
from zeroskip.export import export

pytest.importorskip("litex", reason="litex is missing; install it with: pip install litex migen")


def vectors(design: zs.Design, x: np.ndarray) -> tuple[list[bytes], list[bytes]]:
    """Samples and results as bytes, in the order of the streams."""
    quantized = design.quantize_input(x)
    given = to_input_stream(design.network, quantized)
    expected = to_output_stream(design.network, reference.run(design.network, quantized))
    return [bytes(row & 0xFF) for row in given.astype(np.uint8)], [
        row.tobytes() for row in (expected & 0xFF).astype(np.uint8)
    ]


def fault(
    system: System,
    design: zs.Design,
    x: np.ndarray,
    simulator: str,
    *,
    before: Commands | None = None,
    start: bool = True,
    timed: bool = True,
) -> str | None:
    """Whole groups go through memory. What is not as predicted: outputs, counters, registers or the event; None where all is.

    before : commands that come first
    timed : the samples wait in front of the array, so that it takes them at full speed
    """
    commands = before or Commands()
    given, expected = vectors(design, x)
    strides = system.constant("input_stride"), system.constant("output_stride")
    samples = in_memory(given, strides[0])
    buffer, results, core = (
        system.region("buffer"),
        system.region("buffer") + 4 * len(samples),
        system.region("zeroskip"),
    )
    commands.write(buffer, *samples)
    system.transfer(commands, "writer", results, len(x) * strides[1])
    system.transfer(commands, "reader", buffer, len(x) * strides[0])
    if start:
        commands.write(core + reg.CONTROL, reg.CONTROL_RUN)
    commands.wait()
    identity = commands.read(core, 3)
    status = commands.read(core + reg.STATUS, 2)
    counters = commands.read(core + reg.LATENCY, 3)
    layers = commands.read(core + reg.LAYER_CYCLES, len(design.cycles.layers))
    pending = commands.read(system.register("ev_pending"))
    outputs = commands.read(results, len(x) * strides[1] // 4)
    words = system.run(commands, simulator)
    latency, _, groups = words[counters]
    found = {
        "identity": (words[identity], [reg.ID_RESET, reg.VERSION_RESET, design.config.digest]),
        "outputs": (from_memory(words[outputs], strides[1]), [one.ljust(strides[1], b"\0") for one in expected]),
        "status": (words[status], [reg.STATUS_RUNNING | reg.STATUS_READY, 0]),
        "layers": (words[layers], list(design.cycles.layers.values())),
        "groups": (groups, len(x) // system.constant("group")),
        "event": (words[pending], [1]),
        "latency": (latency, design.cycles.latency if timed else latency),
    }
    return next((f"{what}: {got}, expected {wanted}" for what, (got, wanted) in found.items() if got != wanted), None)


def whole(words: int) -> dict[str, dict[str, int]]:
    return {"dma": {"read_words": words, "write_words": words}}


@pytest.mark.icarus
@pytest.mark.parametrize("name", ["flat", "strips"])
def test_an_inference_is_the_references_in_the_predicted_cycles(name: str, exported: Exported) -> None:
    design, x = zs.Design.load(built(name)), np.load(built(name) / "inputs.npy")[:1]
    system = System.elaborated(exported(name, "litex"), samples=4, **whole(64))
    assert fault(system, design, x, "icarus") is None


@pytest.mark.nightly
@pytest.mark.verilator
@pytest.mark.parametrize("name", ["demo", "lenet"])
def test_real_networks(name: str, exported: Exported) -> None:
    folder = exported(name, "litex")
    design, x = zs.Design.load(built(name)), np.load(built(name) / "inputs.npy")[:3]
    assert fault(System.elaborated(folder, samples=4, **whole(1024)), design, x, "verilator") is None


@pytest.mark.icarus
@pytest.mark.slow
@pytest.mark.parametrize(
    "bus", [{}, {"bus_data_width": 64}, {"bus_standard": "axi-lite"}], ids=["wishbone", "wishbone64", "axi-lite"]
)
@pytest.mark.parametrize("bits", [8, 64])
def test_samples_that_fill_neither_beat_nor_word(bits: int, bus: dict[str, object], tmp_path: Path) -> None:
    """13 bytes in, 5 out, two samples to a group, few words of waiting: the bus makes the array wait, and the results are the same."""
    torch.manual_seed(3)
    x = torch.randn(8, 13)
    config = zs.ArrayConfig(lanes=2, columns=2, word=8, stream_bits=bits)
    design = zs.compile(
        nn.Sequential(nn.Linear(13, 9), nn.ReLU(), nn.Linear(9, 5)), x[:1], calibration=x, config=config
    )
    folder = export(design.save(tmp_path / "net"), "litex", out=tmp_path / "out")
    system = System.elaborated(folder, samples=8, dma={"read_words": 2, "write_words": 2}, **bus)
    assert system.constant("group") == 2
    assert fault(system, design, x.numpy()[:6], "icarus", timed=False) is None


@pytest.mark.icarus
def test_a_stream_wider_than_the_bus_is_taken_at_full_speed(tmp_path: Path) -> None:
    """Two words of the bus a cycle: they wait as beats, not as words."""
    torch.manual_seed(4)
    x = torch.randn(4, 96)
    design = zs.compile(nn.Linear(96, 7), x[:1], calibration=x, config=zs.ArrayConfig(lanes=2, stream_bits=64))
    folder = export(design.save(tmp_path / "net"), "litex", out=tmp_path / "out")
    assert fault(System.elaborated(folder, samples=4, **whole(24)), design, x.numpy()[:1], "icarus") is None


@pytest.mark.icarus
def test_it_starts_by_itself(exported: Exported) -> None:
    design, x = zs.Design.load(built("flat")), np.load(built("flat") / "inputs.npy")[:2]
    system = System.elaborated(exported("flat", "litex"), autostart=True, samples=4)
    assert fault(system, design, x, "icarus", start=False, timed=False) is None


@pytest.mark.icarus
@pytest.mark.parametrize("flushed", [True, False], ids=["flushed", "not flushed"])
def test_what_was_broken_off_is_flushed(flushed: bool, exported: Exported) -> None:
    """A transfer of one sample and a half leaves half a sample and a result behind. Without a flush they come before the next ones."""
    design, x = zs.Design.load(built("strips")), np.load(built("strips") / "inputs.npy")
    system = System.elaborated(exported("strips", "litex"), samples=8)
    begin, core, stride = Commands(), system.region("zeroskip"), system.constant("input_stride")
    words = in_memory(vectors(design, x[2:4])[0], stride)
    begin.write(system.region("buffer"), *words)
    begin.write(core + reg.CONTROL, reg.CONTROL_RUN)
    system.transfer(begin, "reader", system.region("buffer"), 4 * (len(words) * 3 // 4))
    begin.read(system.region("buffer"), len(words))  # takes as long as the transfer
    for side in ("reader", "writer"):
        begin.write(system.register(f"{side}_enable"), 0)
    if flushed:
        begin.write(core + reg.CONTROL, 0)
        begin.write(system.register("flush"), 1)
        begin.write(system.register("flush"), 0)
    found = fault(system, design, x[:2], "icarus", before=begin, timed=False)
    assert found is None if flushed else (found or "").startswith("outputs: ")


@pytest.mark.icarus
def test_a_changed_weight_is_seen(exported: Exported) -> None:
    """The memories' contents come from the exported images."""
    design, x = zs.Design.load(built("strips")), np.load(built("strips") / "inputs.npy")[:1]
    folder = exported("strips", "litex")
    weights = folder / "images" / "lane00.weights.mem"
    first, *rest = weights.read_text().split()
    weights.write_text("\n".join([f"{int(first, 16) ^ 0x40:02x}", *rest]) + "\n")
    found = fault(System.elaborated(folder, samples=4, **whole(64)), design, x, "icarus")
    assert (found or "").startswith("outputs: ")


def test_the_example_is_written_for_its_board(exported: Exported) -> None:
    """``python3 example_soc.py``, from a folder that is not the working directory of the export."""
    folder = exported("flat", "litex")
    done = subprocess.run([sys.executable, "example_soc.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    gateware = folder / "build" / "zeroskip_soc" / "gateware"
    assert (gateware / "zeroskip_images" / "program.mem").read_bytes() == (
        folder / "images" / "program.mem"
    ).read_bytes()
    assert {"zeroskip_soc.v", "zeroskip_soc.ys", "zeroskip_soc.lpf", "build_zeroskip_soc.sh"} <= {
        path.name for path in gateware.iterdir()
    }
    script = (gateware / "zeroskip_soc.ys").read_text()
    assert all(f"rtl/{path.name}" in script for path in (folder / "rtl").iterdir())
