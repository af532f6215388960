"""The array whose lanes own channels, as Verilog: networks, real ones too, give what the reference gives, in the predicted cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.hw.test_channel_array import network_of
from tests.sim.any_image_network import image_inputs
from tests.sim.image_model import tensors

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.program import LayerInfo, Program
from zeroskip.pack.channels import pack_channels
from zeroskip.schedule import prepared
from zeroskip.schedule.lanes.cycles import predict
from zeroskip.schedule.lanes.network import plan
from zeroskip.storage import images
from zeroskip_hw.channel_array import ChannelArray
from zeroskip_hw.verilog import generate_from
from zeroskip_sim.build import bench_sources, build
from zeroskip_sim.request import Request, Run
from zeroskip_sim.run import NO_REWRITING, start

MOST_CYCLES = 100_000


def simulated(network: QuantizedNetwork, lanes: int, columns: int, x: IntArray, folder: Path, simulator: str) -> Run:
    """``x`` (samples, channels, height, width) through the array, which takes the predicted cycles."""
    given = prepared(network)
    placed = plan(network, lanes, columns)
    layout, contents = pack_channels(given, placed, columns)
    (folder / "images").mkdir()
    for memory in layout.memories:
        images.write(folder / "images" / f"{memory.name}.mem", contents[memory.name], memory.width)
    wanted = tensors(given, x)[given.output_name].transpose(0, 2, 3, 1).reshape(len(x), -1)
    layers = tuple(
        LayerInfo(
            name=layer.name, shape=(layer.outputs, layer.weight[0].size), kept=0, nnz=0, tiles=1, positions=1, output=layer.output,
            channel=layer.channel, strip=0, rows=(), columns=(),
        )
        for layer in given.layers
    )  # fmt: skip
    inputs = x.transpose(0, 2, 3, 1).reshape(len(x), -1)
    program = Program(
        config=layout.config, layers=layers, inputs=inputs.shape[1], outputs=wanted.shape[1], images=contents
    )
    request = Request(
        program=program, inputs=inputs, expected=wanted, output=given.output, most_cycles=MOST_CYCLES, images=folder,
        folder=folder / "run",
    )  # fmt: skip
    (folder / "jobs.txt").write_text(request.write(folder) + "\n")
    sources = {**generate_from(layout, ChannelArray).files, **bench_sources("bulk")}
    sources.pop("bulk.vh")
    parameters = {"STREAM": layout.config.stream_bits, "ADDRESS": layout.address_bits}
    model = build(sources, "bulk", simulator, parameters=parameters)
    start(model, "zeroskip_sim.bench.bulk", folder, seed=1, environment=NO_REWRITING)
    run = request.read(0.0)
    assert run is not None, "the array did not deliver"
    assert run.cycles == predict(placed, layout, wanted.shape[1])
    return run


@pytest.mark.parametrize(
    "simulator",
    [pytest.param("verilator", marks=pytest.mark.verilator), pytest.param("icarus", marks=pytest.mark.icarus)],
)
@pytest.mark.parametrize("name", ["strided", "average_of_the_image"])
def test_networks(name: str, simulator: str, tmp_path: Path) -> None:
    network = network_of(name, 3)
    x = image_inputs(np.random.default_rng(4), network, 4).reshape(4, *network.shapes[INPUT])
    run = simulated(network, 3, 4, x, tmp_path, simulator)
    assert (run.difference, run.errors, run.registers) == (None, 0, None)


@pytest.mark.slow
@pytest.mark.verilator
def test_a_real_network(require_data: Callable[[str], Path], data_dir: Path, tmp_path: Path) -> None:
    """DS-CNN, 80 % pruned, on 8 × 8."""
    from tests.networks.catalog import CONVOLUTIONAL

    import zeroskip as zs
    from zeroskip.frontend import capture
    from zeroskip.quantize import quantize

    source = CONVOLUTIONAL["DS-CNN"]
    for needed in source.needs:
        require_data(needed)
    real = source.load(data_dir)
    graph = capture(real.model, real.example, zs.prune.magnitude(real.model, 0.8))
    network = quantize(graph, real.calibration[:32], weight_bits=8, act_bits=8)
    given = network.input
    x = np.clip(np.rint(real.inputs[:4] / given.scale) + given.zero_point, given.low, given.high).astype(np.int64)
    run = simulated(network, 8, 8, x.reshape(4, *network.shapes[INPUT]), tmp_path, "verilator")
    assert (run.difference, run.errors, run.registers) == (None, 0, None)
