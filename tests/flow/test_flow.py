"""The pipeline from end to end: compile, save, load, other weights on the same hardware, refusals, and a mismatch made on purpose."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import zeroskip as zs
from zeroskip.contracts.errors import CapacityError, InputError, UnsupportedError
from zeroskip.contracts.layout import Layout

CONFIG = zs.ArrayConfig(lanes=3, columns=2)


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(12)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 9), nn.ReLU(), nn.Linear(9, 4)).eval()


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(12).standard_normal((40, 12))


@pytest.fixture
def design(model: nn.Module, x: np.ndarray) -> zs.Design:
    return zs.compile(model, torch.zeros(1, 12), calibration=x, masks=zs.prune.magnitude(model, 0.5), config=CONFIG)


def test_a_loaded_design_is_the_saved_one(design, x, tmp_path):
    loaded = zs.Design.load(design.save(tmp_path / "net", samples=x))
    np.testing.assert_array_equal(loaded.reference(x), design.reference(x))
    assert (loaded.config, loaded.cycles, loaded.dense_cycles) == (design.config, design.cycles, design.dense_cycles)
    assert dict(loaded.verilog) == dict(design.verilog)
    assert loaded.program == design.program


@pytest.mark.verilator
def test_a_loaded_design_simulates(design, x, tmp_path):
    loaded = zs.Design.load(design.save(tmp_path / "net"))
    run = loaded.simulate(x, seed=3, folder=tmp_path / "run")
    assert run.difference is None, f"seed 3: {run.difference}"
    np.testing.assert_array_equal(run.outputs, design.reference(x))
    assert run.cycles == design.cycles
    assert run.folder == tmp_path / "run"


def test_compiling_twice_gives_the_same_bytes(model, x, tmp_path):
    folders = []
    for name in ("a", "b"):
        twin = zs.compile(model, torch.zeros(1, 12), calibration=x, config=CONFIG)
        folders.append(twin.save(tmp_path / name))
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in folders
    )
    assert first == second


@pytest.mark.verilator
def test_newly_pruned_weights_run_on_the_same_verilog(model, x, design):
    config = design.config
    with torch.no_grad():
        for layer in (model[0], model[2], model[4]):
            layer.weight += 0.1 * torch.randn(layer.weight.shape)
    newly = zs.compile(model, torch.zeros(1, 12), calibration=x, masks=zs.prune.magnitude(model, 0.7), config=config)
    assert newly.config == config
    assert dict(newly.verilog) == dict(design.verilog)
    assert newly.cycles.compute < design.cycles.compute
    run = newly.simulate(x, seed=4)
    assert run.difference is None, f"seed 4: {run.difference}"
    assert run.cycles == newly.cycles


def test_the_figures_are_of_the_masked_network(model, x, design):
    dense = zs.compile(model, torch.zeros(1, 12), calibration=x, config=CONFIG)
    assert dense.dense_cycles == design.dense_cycles
    assert design.cycles.compute < dense.cycles.compute <= dense.dense_cycles.compute
    error = np.abs(dense.dequantize(dense.reference(x)) - model(torch.tensor(x, dtype=torch.float32)).detach().numpy())
    assert error.max() < 8 * dense.network.output.scale


def test_a_mismatch_is_located(design, x, tmp_path, require_tool):
    require_tool("iverilog")
    broken, (layer, row) = with_one_bit_less(design)
    run = broken.simulate(x, simulator="icarus", seed=9, folder=tmp_path)
    assert run.difference is not None
    found = re.fullmatch(
        r"sample \d+, output \d+: expected (-?\d+), got (-?\d+) \(\d+ of 4 outputs wrong\); "
        r"first wrong in layer '(?P<layer>[^']+)', row (?P<row>\d+), column (?P<column>[01]), sample (?P<sample>\d+): "
        r"expected (?P<expected>-?\d+), got (?P<got>-?\d+), cycle (?P<cycle>\d+); seed 9",
        run.difference,
    )
    assert found, run.difference
    assert found[1] != found[2]
    assert (found["layer"], int(found["row"])) == (layer, row), run.difference
    assert int(found["sample"]) % 2 == int(found["column"])
    (tensor,) = [placed.output for placed in design.network.layers if placed.name == layer]
    reference = zs.reference.run_layers(design.network, design.quantize_input(x))[tensor]
    assert int(found["expected"]) == reference[int(found["sample"]), row, 0, 0]
    assert found["got"] != found["expected"]
    assert int(found["cycle"]) > 0
    assert run.folder == tmp_path
    assert not np.array_equal(run.outputs, design.reference(x))


def with_one_bit_less(design: zs.Design) -> tuple[zs.Design, tuple[str, int]]:
    """The design with the bias of its first layer's last row far off, and where that must show."""
    layout, info = Layout(design.config), design.program.layers[0]
    rows = list(design.program.images["rows0"])
    last = len(info.bundles) - 1
    values = layout.row.decode(rows[last])
    rows[last] = layout.row.encode(values | {"bias": values["bias"] - (1 << (design.config.acc_bits - 3))})
    images = {**design.program.images, "rows0": tuple(rows)}
    return replace(design, program=replace(design.program, images=images)), (info.name, info.bundles[last][0])


@pytest.mark.verilator
def test_a_flipped_weight_does_not_pass(design, x):
    lane = list(design.program.images["lane01.weights"])
    lane[0] ^= 0x40
    images = {**design.program.images, "lane01.weights": tuple(lane)}
    run = replace(design, program=replace(design.program, images=images)).simulate(x, seed=5)
    assert run.difference is not None
    assert run.difference.endswith("; seed 5")
    assert "first wrong in layer '0'" in run.difference
    assert run.folder is not None, "a failing run keeps its folder"


# --- refusals ---------------------------------------------------------------------------------------------------------


def mask(shape: tuple[int, ...], dtype: torch.dtype = torch.bool) -> torch.Tensor:
    return torch.ones(shape, dtype=dtype)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"calibration": np.zeros((0, 12))}, r"calibration: must hold at least one sample, not 0"),
        ({"calibration": np.zeros((3, 11))}, r"calibration: shape must be \(N, 12\), not \(3, 11\)"),
        ({"calibration": np.full((3, 12), np.nan)}, r"calibration: must be finite, but sample 0 holds NaN or infinity"),
        ({"calibration": np.zeros((3, 12), complex)}, r"calibration: dtype must be float, not complex128"),
        ({"masks": {"0.weight": mask((12, 16))}}, r"mask '0.weight': shape must be \(16, 12\), not \(12, 16\)"),
        ({"masks": {"0.weight": mask((16, 12), torch.float32)}}, r"mask '0.weight': dtype must be torch.bool, not torch.float32"),
        ({"masks": {"9.weight": mask((16, 12))}}, r"mask '9.weight': no such parameter; the model's weights are 0.weight, .*"),
        ({"masks": {"0.weight": np.ones((16, 12), bool)}}, r"mask '0.weight': must be a torch.Tensor, not ndarray"),
        ({"masks": {"0.bias": mask((16,))}}, r"mask '0.bias': must belong to the weight of a layer of the network"),
        ({"config": zs.ArrayConfig(weight_depth=3)}, r"ArrayConfig.weight_depth must be at least \d+ for this network, not 3"),
        ({"config": zs.ArrayConfig(acc_bits=9)}, r"ArrayConfig.acc_bits must be at least \d+ for this network, not 9"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(model, x, options: dict[str, Any], message):
    with pytest.raises(InputError) as caught:
        zs.compile(model, torch.zeros(1, 12), **({"calibration": x} | options))
    assert re.fullmatch(message, str(caught.value)), str(caught.value)
    assert isinstance(caught.value, zs.ZeroskipError)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("what", ["weight", "bias"])
def test_weights_that_are_not_finite_are_refused(model, x, what, value):
    with torch.no_grad():
        getattr(model[2], what).view(-1)[3] = value
    with pytest.raises(InputError, match=rf"^layer '2': {what} must be finite, but holds NaN or infinity$"):
        zs.compile(model, torch.zeros(1, 12), calibration=x)


def test_every_unsupported_operator_is_named_at_once(x):
    model = nn.Sequential(
        nn.Linear(12, 8), nn.GroupNorm(2, 8), nn.Linear(8, 6), nn.LayerNorm(6), nn.Linear(6, 2)
    ).eval()
    with pytest.raises(UnsupportedError) as caught:
        zs.compile(model, torch.zeros(1, 12), calibration=x)
    assert [clause.partition(":")[0] for clause in caught.value.clauses] == ["group_norm '1'", "layer_norm '3'"]


@pytest.mark.parametrize(
    "inputs, message",
    [
        (np.zeros((0, 12)), r"simulate needs at least one sample"),
        (np.zeros((2, 3)), r"input: shape must be \(N, 12\), not \(2, 3\)"),
        (np.full((2, 12), np.nan), r"input: must hold no NaN"),
    ],
)
def test_unusable_inputs_of_a_simulation_are_refused(design, inputs, message):
    with pytest.raises(InputError, match=f"^{message}$"):
        design.simulate(inputs)


def test_an_unknown_simulator_is_refused(design, x):
    with pytest.raises(InputError, match=r"^simulator must be one of verilator, icarus, not 'modelsim'$"):
        design.simulate(x, simulator="modelsim")


def test_a_network_beyond_a_sized_array_is_refused(model, x, design):
    with pytest.raises(CapacityError, match=r"^ArrayConfig\.\w+ must be at least \d+ for this network, not \d+$"):
        zs.compile(model, torch.zeros(1, 12), calibration=x, config=design.config)


# --- lazy import ------------------------------------------------------------------------------------------------------


@pytest.fixture
def imported() -> Callable[[str], set[str]]:
    def run(statement: str) -> set[str]:
        code = f"import sys; {statement}; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    return run


@pytest.mark.parametrize(
    "statement",
    [
        "import zeroskip; import zeroskip.contracts.config",
        "import zeroskip as zs; zs.ArrayConfig(); zs.Cycles; zs.ZeroskipError; zs.PRESETS",
        "import zeroskip.storage.design_folder, zeroskip.schedule, zeroskip.pack, zeroskip_hw.verilog",
    ],
)
def test_contracts_and_hardware_load_without_torch(imported, statement):
    assert "torch" not in imported(statement)


def test_every_public_name_exists():
    for name in zs.__all__:
        assert getattr(zs, name) is not None
        assert name in dir(zs)
    with pytest.raises(AttributeError, match=r"^module 'zeroskip' has no attribute 'nothing'$"):
        zs.nothing  # noqa: B018
