"""Whatever ends a command ends it in one line: signals, full disks, names that cannot be, models that stop the program."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from zeroskip.cli import main
from zeroskip.contracts.errors import InputError

MODEL = """
import logging, sys, time, warnings
import torch
from torch import nn

def net():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))

def leaves():
    sys.exit(3)

class Leaving(nn.Module):
    def forward(self, x):
        sys.exit(3)

class Talking(nn.Module):
    def forward(self, x):
        warnings.warn("a warning of the model")
        logging.getLogger("torch").warning("a line of the log")
        return x.nonexistent()

def waits():
    print("waiting", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.arange(20) % 3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(home: Path) -> set[str]:
    return {path.name for path in home.iterdir() if path.name != "__pycache__"}


def last_line(said: str) -> str:
    lines = [line for line in said.splitlines() if not line.startswith("…")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize("number, sent", [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "an end that CI asks for")])
def test_an_interrupted_command_is_one_line_and_status_130(home, number, sent):
    words = [
        sys.executable,
        "-c",
        "from zeroskip.cli.main import main; main()",
        "build",
        "net.py:waits",
        "--calibration",
        "x.npy",
        "--out",
        "net",
    ]
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a parent may ignore it, as nohup does
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=listening
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, sent
    assert last_line(said) == "zeroskip: interrupted"
    assert names(home) == {"net.py", "x.npy", "y.npy"}


def test_an_interruption_while_writing_leaves_nothing(zeroskip, home, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zeroskip.storage.design_folder.save_arrays", interrupt)
    status, _, said = zeroskip("build", "net.py:net", "--calibration", "x.npy", "--out", "net")
    assert (status, last_line(said)) == (130, "zeroskip: interrupted")
    assert names(home) == {"net.py", "x.npy", "y.npy"}


@pytest.mark.parametrize("model", ["leaves", "Leaving"])
def test_a_model_that_ends_the_program_does_not(zeroskip, home, model):
    status, _, said = zeroskip("build", f"net.py:{model}", "--calibration", "x.npy", "--out", "net")
    assert status == 2
    assert last_line(said).startswith("zeroskip: model ")


PRUNE = ("prune", "net.py:net", "--sparsity", "0.5", "--out")
COMPARE = (
    "prune", "net.py:net", "--compare", "magnitude", "--sparsity", "0.5", "--calibration", "x.npy", "--test-inputs", "x.npy",
    "--test-labels", "y.npy", "--out", "compare",
)  # fmt: skip


@pytest.mark.parametrize(
    "command, path",
    [
        (("build", "net.py:net", "--calibration", "x.npy", "--out", "net"), r"net(/.*)?"),
        ((*PRUNE, "m.safetensors"), r"m\.safetensors"),
        ((*PRUNE, "m.npz"), r"m\.npz"),
        ((*PRUNE, "m.pt"), r"m\.pt"),
        (COMPARE, r"compare/rows\.json"),
    ],
)
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(zeroskip, home, monkeypatch, command, path):
    written = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        written(self, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    status, _, said = zeroskip(*command)
    assert status == 2
    line = last_line(said)
    assert line.startswith("zeroskip: ")
    assert line.endswith(": cannot be written: No space left on device")
    assert not [name for name in home.rglob("*") if "partial" in name.name]
    assert names(home) - {"compare"} == {"net.py", "x.npy", "y.npy"}


@pytest.mark.parametrize(
    "out, message",
    [
        ("n" * 300, "File name too long"),
        ("x.npy", "x.npy: must be a folder"),
        ("x.npy/net", "x.npy/net: {home}/x.npy is not a folder"),
        ("", "'.': must be the name of a folder"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_before_the_work(zeroskip, home, out, message):
    status, _, said = zeroskip("build", "net.py:waits", "--calibration", "x.npy", "--out", out)
    assert status == 2
    assert last_line(said).endswith(message.format(home=home))


@pytest.mark.parametrize(
    "out, message",
    [
        ("n" * 300 + ".npz", r".*: cannot be written: File name too long"),
        ("dir.npz", r"dir\.npz: cannot be written: Is a directory"),
    ],
)
def test_masks_that_cannot_be_written_are_refused(zeroskip, home, out, message):
    import re

    (home / "dir.npz").mkdir()
    status, _, said = zeroskip(*PRUNE, out)
    assert status == 2
    assert re.fullmatch(f"zeroskip: {message}", last_line(said)), said


def test_a_write_protected_folder_is_refused_before_the_work(zeroskip, home, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write everywhere
    status, _, said = zeroskip("build", "net.py:waits", "--calibration", "x.npy", "--out", "net")
    assert (status, last_line(said)) == (2, f"zeroskip: net: cannot be written: {home} is write-protected")


def test_what_nobody_thought_of_is_one_line_and_debug_shows_where(zeroskip, home, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("4")

    monkeypatch.setattr("zeroskip.flow.pack", broken)
    command = ("build", "net.py:net", "--calibration", "x.npy", "--out", "net")
    status, _, said = zeroskip(*command)
    assert (status, last_line(said)) == (2, "zeroskip: KeyError: '4' (unexpected; --debug shows where)")
    status, _, said = zeroskip(*command, "--debug")
    assert status == 2
    assert "Traceback (most recent call last)" in said
    assert 'raise KeyError("4")' in said


def test_the_models_own_failure_is_called_that(zeroskip, home):
    np.save("wide.npy", np.zeros((20, 7), dtype=np.float32))
    status, _, said = zeroskip(*PRUNE, "m.npz", "--method", "wanda", "--inputs", "wide.npy")
    assert status == 2
    assert last_line(said).startswith("zeroskip: the model failed on the inputs that it was given: RuntimeError: ")


@pytest.mark.parametrize("debug", [False, True])
def test_libraries_do_not_talk_to_the_user_unless_asked(home, debug):
    words = [
        sys.executable,
        "-c",
        "from zeroskip.cli.main import main; main()",
        "build",
        "net.py:Talking",
        "--calibration",
        "x.npy",
        "--out",
        "n",
    ]
    done = subprocess.run([*words, *["--debug"] * debug], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert ("a warning of the model" in done.stderr) == debug
    assert ("a line of the log" in done.stderr) == debug
    if not debug:
        assert last_line(done.stderr).startswith("zeroskip: model 'Talking': torch.export cannot capture it")


def test_a_reader_that_goes_away_is_no_error(home):
    command = f"{sys.executable} -c 'from zeroskip.cli.main import main; main()' build --help"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | head -0"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (141, "")


def test_a_message_of_several_lines_becomes_one(capsys, monkeypatch):
    def several(*_: object, **__: object) -> None:
        raise InputError("first\nsecond\t third")

    monkeypatch.setattr(main, "app", several)
    assert main.run(["build"]) == 2
    assert capsys.readouterr().err == "zeroskip: first second third\n"


@pytest.mark.parametrize("command, option", [("synth", "--seeds"), ("sim", "--seed"), ("demo", "--seed")])
def test_a_seed_that_no_generator_takes_is_refused(zeroskip, home, command, option):
    words = {"synth": ("none", "--target", "ecp5-25k"), "sim": ("none",), "demo": ("--out", "d")}[command]
    status, _, said = zeroskip(command, *words, option, str(1 << 40))
    assert status == 2
    assert last_line(said).startswith(f"zeroskip: Invalid value for '{option}': ")
