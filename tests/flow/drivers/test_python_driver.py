"""The Python driver on the RTL, over a transport to a simulated board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from tests.flow.drivers.digits import ten
from tests.flow.drivers.model import server
from tests.flow.drivers.simulated import Simulated
from tests.golden.update import design as golden_design
from tests.sw.drivers.dma_model import AxiDmaModel, Memory
from torch import nn

import zeroskip as zs
from zeroskip.contracts import registers as reg
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import DeviceError
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.axi_dma import AxiDma
from zeroskip.drivers.device import Counters, Device, Identity
from zeroskip.storage.payload_folder import write_payload

pytestmark = pytest.mark.verilator


@pytest.fixture
def board() -> Iterator[Simulated]:
    with Simulated(server(ten().first.config)) as simulated:
        yield simulated


def loaded(board: Simulated, design: zs.Design) -> Device:
    device = Device(board, board)
    device.stop()
    device.load(design)
    device.start()
    return device


@pytest.mark.slow
def test_ten_digits_then_others_weights_of_the_same_array(board: Simulated) -> None:
    digits = ten()
    device, config = loaded(board, digits.first), digits.first.config
    assert device.identify() == Identity(
        reg.VERSION_RESET, config.digest, config.lanes, config.columns, config.word, config.weight_bits
    )
    for design in (digits.first, digits.second):
        outputs = device.run(digits.x)
        assert np.array_equal(outputs, design.reference(digits.x))
        assert np.array_equal(device.dequantize(outputs), design.dequantize(outputs))
        assert outputs.argmax(axis=1).tolist() == list(range(10))
        assert device.cycles() == design.cycles
        assert device.counters() == Counters(design.cycles.latency, design.cycles.interval, 10)
        assert device.errors() == ()
        device.reload(digits.second)


@pytest.mark.slow
def test_weights_that_a_command_has_packed_are_loaded_from_their_folder(
    zeroskip, board: Simulated, tmp_path: Path
) -> None:
    """From a running array and its design's folder to newly pruned weights in it, by one command and one call."""
    digits = ten()
    device, first = loaded(board, digits.first), tmp_path / "first"
    write_payload(Payload.of(digits.first), first, further={})
    np.save(tmp_path / "x.npy", digits.calibration.numpy())
    save_file(digits.model.state_dict(), tmp_path / "weights.safetensors")
    options = (
        "--calibration",
        tmp_path / "x.npy",
        "--weights",
        tmp_path / "weights.safetensors",
        "--method",
        "magnitude",
    )
    new = tmp_path / "new"
    status, _, said = zeroskip("images", first, "zeroskip.demo:network", *options, "--sparsity", 0.96, "--out", new)
    assert status == 0, said
    device.reload(new)
    masks = zs.prune.magnitude(digits.model, 0.96)
    design = zs.compile(
        digits.model, digits.calibration[:1], calibration=digits.calibration, masks=masks, config=digits.first.config
    )
    assert np.array_equal(device.run(digits.x), design.reference(digits.x))
    assert device.cycles() == design.cycles
    assert design.cycles.interval < digits.second.cycles.interval


@pytest.mark.slow
def test_ten_digits_over_an_axi_dma(board: Simulated) -> None:
    """The registers of the DMA are a model's, the array behind them is the RTL."""
    digits, memory = ten(), Memory(256)
    design = digits.first
    model = AxiDmaModel(memory, lambda sample: board.transfer(sample, 10))
    device = Device(board, AxiDma(model, memory))
    device.reload(design)
    assert np.array_equal(device.run(digits.x), design.reference(digits.x))
    assert device.cycles().latency == design.cycles.latency
    assert device.cycles().layers == design.cycles.layers


@pytest.mark.slow
def test_what_is_wrong_is_said_in_one_line(board: Simulated) -> None:
    digits = ten()
    device = loaded(board, digits.first)
    foreign = golden_design()
    with pytest.raises(
        DeviceError,
        match=rf"^the images were made for another array: CONFIG_ID reads 0x{digits.first.config.digest:08x}, ",
    ):
        device.reload(foreign)
    with pytest.raises(DeviceError, match=r"^the array runs; stop it before loading$"):
        device.load(digits.second)
    with pytest.raises(DeviceError, match="bus answer 2"):
        board.write(1 << Payload.of(digits.first).layout.window_bits, [1])
    assert device.errors() == ("LOAD_WHILE_RUNNING",)
    device.clear_errors()
    with pytest.raises(DeviceError, match=r"^the run failed: ERROR.EARLY_LAST is set$"):
        device.run_bytes([bytes(60)])
    device.clear_errors()
    assert np.array_equal(device.run(digits.x), digits.first.reference(digits.x))
    device.stop()
    with pytest.raises(DeviceError, match=r"^the array does not run; start it first$"):
        device.run(digits.x)


def small(config: ArrayConfig, images: bool) -> tuple[zs.Design, npt.NDArray[np.float32]]:
    """A network in a second, and seven samples."""
    torch.manual_seed(4)
    if images:
        model = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 3))
        x = torch.rand(7, 2, 8, 6)
    else:
        model, x = nn.Sequential(nn.Linear(9, 7), nn.ReLU(), nn.Linear(7, 5)), torch.randn(7, 9)
    return zs.compile(model, x[:1], calibration=x, masks=zs.prune.magnitude(model, 0.5), config=config), x.numpy()


@pytest.mark.slow
@pytest.mark.parametrize("images", [False, True], ids=["side by side", "strips"])
def test_groups_of_samples_and_images_whose_words_do_not_fill_their_stride(images: bool) -> None:
    """Seven samples on two columns: the last group is filled up. With strips words have up to three parts, in a stride of four."""
    acc_bits = 40 if images else 0
    design, x = small(ArrayConfig(lanes=2, columns=2, word=8, stream_bits=16, acc_bits=acc_bits), images)
    payload = Payload.of(design)
    assert payload.group == (1 if images else 2)
    assert any(memory.parts == 3 for memory in payload.layout.memories) == images
    with Simulated(server(design.config)) as simulated:
        device = loaded(simulated, design)
        assert np.array_equal(device.run(x), design.reference(x))
        assert device.cycles() == design.cycles
        assert device.counters().groups == (7 if images else 4)
