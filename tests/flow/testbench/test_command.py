"""``zeroskip testbench``: what it writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.flow.conftest import Command
from tests.flow.testbench.designs import design_of
from tests.flow.testbench.machine import Machine

import zeroskip as zs


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    design, x = design_of("flat")
    return design.save(tmp_path_factory.mktemp("saved") / "design", samples=x)


def refusal(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("…")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.icarus
def test_a_saved_design_gets_a_testbench(zeroskip: Command, saved: Path, tmp_path: Path) -> None:
    status, out, said = zeroskip("testbench", saved)
    assert status == 0, said
    assert str(saved / "testbench" / "README.md") in "".join(out.split("\n"))
    stated = json.loads((saved / "testbench" / "testbench.json").read_text())
    design = zs.Design.load(saved)
    assert stated["cycles"] == design.cycles.to_json()
    assert stated["config_id"] == design.config.digest
    assert (stated["samples"], stated["groups"]) == (9, 3)  # seven, filled up to whole groups of three
    run = Machine.set_up(tmp_path / "bin", "icarus").run(saved / "testbench" / "run_icarus.sh")
    assert run.status == 0, run.said


def test_a_testbench_is_replaced_with_other_inputs(zeroskip: Command, saved: Path, tmp_path: Path) -> None:
    """And with the defaults: ten of what was given."""
    assert zeroskip("testbench", saved, "--out", tmp_path / "tb")[0] == 0
    before = (tmp_path / "tb" / "vectors" / "inputs.mem").read_text()
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=(40, 13)))
    assert zeroskip("testbench", saved, "--out", tmp_path / "tb", "--inputs", tmp_path / "x.npy")[0] == 0
    after = (tmp_path / "tb" / "vectors" / "inputs.mem").read_text()
    assert len(after.splitlines()) == 1 + 12 * 4
    assert len(before.splitlines()) == 1 + 9 * 4
    options = ("--inputs", tmp_path / "x.npy", "--samples", 13)
    assert zeroskip("testbench", saved, "--out", tmp_path / "tb", *options)[0] == 0
    assert (tmp_path / "tb" / "vectors" / "inputs.mem").read_text().startswith(after[: 10 * 4 * 10])
    assert [path.name for path in tmp_path.iterdir()] == ["tb", "x.npy"] or sorted(
        path.name for path in tmp_path.iterdir()
    ) == ["tb", "x.npy"]


@pytest.mark.parametrize(
    "options, expected",
    [
        (("--samples", 0), "--samples: must be at least 1, not 0"),
        (("--out", "{there}"), "{there}: is not empty and not a testbench of zeroskip; choose another folder"),
        (("--out", "{there}/file"), "{there}/file: must be a folder"),
        (("--inputs", "{there}/no.npy"), "--inputs: {there}/no.npy: cannot be read: No such file or directory"),
        (("--inputs", "{there}/empty.npy"), "a testbench needs at least one sample"),
    ],
)
def test_bad_input_is_one_line(
    zeroskip: Command, saved: Path, tmp_path: Path, options: tuple[object, ...], expected: str
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "file").touch()
    np.save(there / "empty.npy", np.zeros((0, 13)))
    given = [str(word).format(there=there) for word in options]
    out = () if "--out" in given else ("--out", tmp_path / "out")
    status, _, said = zeroskip("testbench", saved, *given, *out)
    assert (status, refusal(said)) == (2, f"zeroskip: {expected.format(there=there)}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_what_is_no_design_is_refused(zeroskip: Command, tmp_path: Path) -> None:
    status, _, said = zeroskip("testbench", tmp_path / "none")
    path = tmp_path / "none" / "manifest.json"
    assert (status, refusal(said)) == (
        2, f"zeroskip: {path}: is missing; {tmp_path / 'none'} is not a design that zeroskip build wrote",
    )  # fmt: skip
    assert not (tmp_path / "none").exists()


def test_inputs_of_another_shape_are_refused(zeroskip: Command, saved: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 12)))
    status, _, said = zeroskip("testbench", saved, "--inputs", tmp_path / "x.npy", "--out", tmp_path / "tb")
    assert status == 2
    assert "13" in refusal(said)
    assert not (tmp_path / "tb").exists()
