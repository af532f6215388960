"""``zeroskip workflow``: the files are what the services take, and the commands in them work."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from tests.flow.conftest import Command
from tests.sw.storage.manifests import edit_manifest

BUILD = ("net.py:trained", "--calibration", "my x.npy", "--method", "magnitude", "--sparsity", "0.7", "--lanes", "2")
MODEL = """
import torch
from torch import nn

def trained():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5)).eval()
"""
PLACES = {"github": ".github/workflows/zeroskip.yml", "gitlab": ".gitlab-ci.yml"}
SERVICES = pytest.mark.parametrize("service", PLACES)

Job = tuple[dict[str, str], list[str], list[str]]
"""Variables, the commands up to the simulation, and those behind a failure; without what installs."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(MODEL)
    np.save(tmp_path / "my x.npy", np.random.default_rng(0).normal(size=(40, 12)).astype(np.float32))
    return tmp_path


def written(zeroskip: Command, service: str, *build: str) -> dict[str, Any]:
    status, _, said = zeroskip("workflow", "--to", service, "--", *(build or BUILD))
    assert status == 0, said
    loaded: dict[str, Any] = yaml.safe_load(Path(PLACES[service]).read_text())
    return loaded


def steps_of(loaded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The named steps of a GitHub workflow."""
    return {step["name"]: step for step in loaded["jobs"]["simulate"]["steps"] if "name" in step}


@SERVICES
def test_the_service_takes_the_file(zeroskip: Command, repository: Path, service: str) -> None:
    """As far as its published schema says."""
    if importlib.util.find_spec("check_jsonschema") is None:
        pytest.skip("check-jsonschema is missing; install it with: pip install check-jsonschema")
    written(zeroskip, service)
    schema = (
        ["vendor.github-workflows"] if service == "github" else ["vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    )
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *schema, PLACES[service]]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def jobs(service: str, loaded: dict[str, Any]) -> list[Job]:
    if service == "gitlab":
        job = loaded["zeroskip"]
        assert all(line.startswith(("apt-get ", "pip install ")) for line in job["before_script"])
        return [(variables, job["script"], job["after_script"]) for variables in job["parallel"]["matrix"]]
    job, steps = loaded["jobs"]["simulate"], steps_of(loaded)
    assert list(steps) == [
        "Install", "Build", "Simulate", "Record the waves of a failure", "Publish the report", "Keep results and waves",
    ]  # fmt: skip
    found: list[Job] = []
    for chosen in job["strategy"]["matrix"]["include"]:
        variables = {
            name: str(chosen[value.removeprefix("${{ matrix.").removesuffix(" }}")])
            for name, value in job["env"].items()
        }
        commands = [steps[name]["run"] for name in ("Build", "Simulate")]
        found.append((variables, commands, [steps["Record the waves of a failure"]["run"]]))
    return found


def run(lines: list[str], repository: Path, variables: dict[str, str]) -> int:
    """As the services run them: one shell, which ends at the first failure."""
    (repository / "bin").mkdir(exist_ok=True)
    program = repository / "bin" / "zeroskip"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from zeroskip.cli.main import main; main()" "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ, **variables, "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }  # fmt: skip
    done = subprocess.run(["bash", "-e", "-c", "\n".join(lines)], cwd=repository, env=environment, check=False)
    return done.returncode


def reports(repository: Path) -> list[ElementTree.Element]:
    """What lies where the services look for JUnit."""
    return [ElementTree.parse(path).getroot() for path in repository.glob("build/design/sim/*/results.xml")]


@SERVICES
def test_reports_and_waves_are_kept_from_where_they_are(zeroskip: Command, repository: Path, service: str) -> None:
    loaded = written(zeroskip, service)
    if service == "gitlab":
        artifacts = loaded["zeroskip"]["artifacts"]
        assert artifacts["when"] == "always"
        assert (artifacts["reports"]["junit"], artifacts["paths"]) == (
            "build/design/sim/*/results.xml",
            ["build/design/sim"],
        )
        return
    steps = steps_of(loaded)
    for name in ("Publish the report", "Keep results and waves"):
        assert steps[name]["if"] == "always() && steps.simulate.outcome != 'skipped'"
    assert steps["Record the waves of a failure"]["if"] == "failure() && steps.simulate.outcome == 'failure'"
    assert steps["Simulate"]["id"] == "simulate"
    assert steps["Publish the report"]["with"]["report_paths"] == "build/design/sim/*/results.xml"
    assert steps["Keep results and waves"]["with"]["path"] == "build/design/sim"
    assert loaded["permissions"] == {"contents": "read", "checks": "write"}


@SERVICES
@pytest.mark.icarus
@pytest.mark.verilator
@pytest.mark.slow
def test_its_commands_build_simulate_and_report(zeroskip: Command, repository: Path, service: str) -> None:
    found = jobs(service, written(zeroskip, service))
    assert [variables["SIMULATOR"] for variables, _, _ in found] == ["verilator", "icarus"]
    for variables, commands, _ in found:
        assert run(commands, repository, variables) == 0
        (report,) = reports(repository)  # each job builds anew
        assert (report.get("tests"), report.get("failures")) == ("7", "0")
        assert (repository / "build" / "design" / "sim" / variables["SIMULATOR"] / "results.xml").is_file()


@SERVICES
@pytest.mark.icarus
def test_a_failure_is_reported_and_keeps_its_waves(zeroskip: Command, repository: Path, service: str) -> None:
    """The prediction is made wrong, as a defect in it or in the array would."""
    found = {variables["SIMULATOR"]: job for job in jobs(service, written(zeroskip, service)) for variables in [job[0]]}
    variables, (build, simulate), behind = found["icarus"]
    assert run([build], repository, variables) == 0
    edit_manifest(repository / "build" / "design", lambda manifest: manifest["cycles"]["layers"].update({"2": 1}))
    assert run([simulate], repository, variables) == 1
    sim = repository / "build" / "design" / "sim" / "icarus"
    assert not (sim / "waves.vcd").exists()
    if service == "gitlab":  # at GitHub the step has the condition
        assert run(behind, repository, {**variables, "CI_JOB_STATUS": "success"}) == 0
        assert not (sim / "waves.vcd").exists()
    assert run(behind, repository, {**variables, "CI_JOB_STATUS": "failed"}) == 0
    assert [report.get("failures") for report in reports(repository)] == ["1"]
    for name in ("waves.vcd", "waves.gtkw", "waves.sucl"):
        assert (sim / name).is_file()


def test_an_onnx_model_brings_its_extra(zeroskip: Command, repository: Path) -> None:
    steps = steps_of(written(zeroskip, "github", "net.onnx", "--calibration", "x.npy"))
    assert "pip install 'zeroskip[sim,onnx]==" in steps["Install"]["run"]
    assert "pip install 'zeroskip[sim]==" in written(zeroskip, "gitlab")["zeroskip"]["before_script"][-1]


THERE = "is there, and zeroskip workflow has not written it; choose another with --out"
ELSEWHERE = "must be in the repository: the workflow runs on another machine"


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("--to", "jenkins", "--", "net.py:f"), "service must be one of github, gitlab, not 'jenkins'"),
        (("--to", "github"), "model and options of zeroskip build must stand behind --, as: -- net.py:trained --calibration x.npy"),
        (("--to", "github", "--", "a.onnx", "--out", "d"), "--out: must be left out of the options of zeroskip build; the workflow sets it"),
        (("--to", "github", "--", "a.onnx", "--sparsty", "1"), "No such option: --sparsty"),
        (("--to", "github", "--", "a.onnx", "--lanes", "many"), "Invalid value for '--lanes': "),
        (("--to", "gitlab", "--", "/home/me/net.py:f"), f"'/home/me/net.py:f': {ELSEWHERE}"),
        (("--to", "gitlab", "--", "a.onnx", "--calibration=/x.npy"), f"'--calibration=/x.npy': {ELSEWHERE}"),
        (("--to", "gitlab", "--out", "mine.yml", "--", "a.onnx"), f"mine.yml: {THERE}; write another file and name it there under include"),
        (("--to", "github", "--out", "mine.yml", "--", "a.onnx"), f"mine.yml: {THERE}"),
        (("--to", "github", "--out", "mine.yml/x.yml", "--", "a.onnx"), "mine.yml/x.yml: cannot be written: "),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(zeroskip: Command, repository: Path, arguments: tuple[str, ...], expected: str) -> None:
    (repository / "mine.yml").write_text("include: []\n")
    before = sorted(repository.rglob("*"))
    status, _, said = zeroskip("workflow", *arguments)
    assert (status, len(said.splitlines())) == (2, 1), said
    assert said.removeprefix("zeroskip: ").startswith(expected), said
    assert sorted(repository.rglob("*")) == before
    assert (repository / "mine.yml").read_text() == "include: []\n"


@SERVICES
def test_a_workflow_of_its_own_is_replaced(zeroskip: Command, repository: Path, service: str) -> None:
    first = written(zeroskip, service)
    assert written(zeroskip, service, "net.py:trained", "--calibration", "other.npy") != first
