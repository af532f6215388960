"""A thousand random manifests, images, masks, models and command lines: each ends in exit status 0, 1 or 2 with at most one line.

Nothing half-written stays, and no error reaches the user that nobody has thought of. A case is named by its kind and seed, and runs alone with
``-k "kind-chunk"``.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.flow.fuzz.models import model_source
from tests.flow.fuzz.mutate import damaged_bytes, damaged_json, random_array
from tests.flow.fuzz.options import command
from tests.sw.storage.manifests import sign_again

import zeroskip as zs
from zeroskip.cli.main import run
from zeroskip.storage.manifest import write_manifest

pytestmark = pytest.mark.filterwarnings("ignore")  # as the command itself does

NET = "import torch\nfrom torch import nn\n\n\ndef net():\n    torch.manual_seed(0)\n    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))\n"

CASES = {"manifest": 250, "files": 150, "masks": 200, "models": 150, "options": 250}
CHUNK = 25


@pytest.fixture(scope="session")
def origin(tmp_path_factory) -> Path:
    """Files that cases start from: a model, data, a design, masks."""
    home = tmp_path_factory.mktemp("fuzz")
    (home / "net.py").write_text(NET)
    (home / "array.toml").write_text("lanes = 2\n")
    generator = np.random.default_rng(0)
    np.save(home / "x.npy", generator.normal(size=(20, 6)).astype(np.float32))
    np.save(home / "y.npy", generator.integers(0, 3, size=20))
    (home / "broken.npy").write_bytes(b"\x93NUMPY\x01\x00")
    for name in ("broken.onnx", "broken.pt2"):
        (home / name).write_bytes(b"PK\x03\x04 nothing of the kind")
    (home / "full").mkdir()
    (home / "full" / "note").write_text("mine")
    model = zs.load_model(f"{home / 'net.py'}:net")
    x = np.load(home / "x.npy")
    zs.prune.save(zs.prune.magnitude(model, 0.5), home / "m.npz")
    design = zs.compile(model, torch.zeros(1, 6), calibration=x, config=zs.ArrayConfig(lanes=2))
    design.save(home / "net", samples=x)
    torch.onnx.export(model, (torch.zeros(1, 6),), home / "good.onnx", verbose=False, external_data=False)
    return home


def manifest(rng: random.Random, home: Path) -> list[str]:
    """A damaged manifest, signed again or not; what is accepted is simulated."""
    path = home / "net" / "manifest.json"
    if rng.random() < 0.2:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
        return ["sim", "net", "--samples", "1"]
    values = damaged_json(rng, json.loads(path.read_text()))
    if rng.random() < 0.7 and isinstance(values, dict):
        values.pop("sha256", None)
        write_manifest(values, home / "net")
    else:
        path.write_text(json.dumps(values))
    return ["sim", "net", "--samples", "1"]


def files(rng: random.Random, home: Path) -> list[str]:
    """A damaged file of a design, signed again or not."""
    path = rng.choice(sorted(path for path in (home / "net").rglob("*") if path.is_file() and path.suffix != ".v"))
    if rng.random() < 0.1:
        path.unlink()
    elif path.suffix == ".mem" and rng.random() < 0.6:
        lines = path.read_text().split("\n")
        words = [line for line in lines if line and not line.startswith("@")]
        other = [
            f"{rng.randrange(16 ** len(word)) if rng.random() < 0.5 else int(word, 16):0{len(word)}x}" for word in words
        ]
        path.write_text("\n".join(["@0", *other]) + "\n")
    else:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    if rng.random() < 0.7 and (home / "net" / "manifest.json").is_file() and path.name != "manifest.json":
        sign_again(home / "net")
    return ["sim", "net", "--samples", "1"]


def masks(rng: random.Random, home: Path) -> list[str]:
    """A file of masks, of inputs, of labels or of weights with something in it."""
    suffix = rng.choice((".npz", ".safetensors", ".pt", ".npy", ".toml"))
    path = home / f"some{suffix}"
    names = ["0.weight", "2.weight", "0", "0.weight_mask", "9.weight", ""]
    arrays = {name: random_array(rng) for name in rng.sample(names, rng.randint(0, 3))}
    shapes = {"0.weight": (8, 6), "2.weight": (3, 8)}
    for name in set(arrays) & set(shapes):
        if rng.random() < 0.7:
            arrays[name] = np.random.default_rng(0).random(shapes[name]) < 0.5
    if suffix == ".npz":
        np.savez(path, **arrays)
    elif suffix == ".npy":
        np.save(path, random_array(rng))
    elif suffix == ".toml":
        values = ["1", "-1", "true", '"a"', "[", ""]
        path.write_text(
            "".join(f"{name} = {rng.choice(values)}\n" for name in rng.sample(["lanes", "word", "strips", "pipes"], 2))
        )
    else:
        kept = {
            name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items() if array.dtype.kind in "fiub"
        }
        torch.save(kept if rng.random() < 0.8 else [kept], path) if suffix == ".pt" else path.write_bytes(
            _tensors(kept)
        )
    if rng.random() < 0.3:
        path.write_bytes(damaged_bytes(rng, path.read_bytes()))
    option = {".npy": rng.choice(("--inputs", "--test-inputs", "--calibration", "--labels")), ".toml": "--config"}.get(
        suffix
    )
    option = option or rng.choice(("--masks", "--masks", "--weights"))
    further = {
        "--inputs": ["--method", "wanda", "--sparsity", "0.5"], "--test-inputs": ["--test-labels", "y.npy"],
        "--labels": ["--inputs", "x.npy", "--method", "taylor", "--sparsity", "0.5"],
    }.get(option, [])  # fmt: skip
    return ["build", "net.py:net", "--calibration", "x.npy", option, path.name, *further, "--out", "out"]


def _tensors(values: dict[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save

    return save({name: value.contiguous() for name, value in values.items()})


def models(rng: random.Random, home: Path) -> list[str]:
    """A model file with something in it."""
    kind = rng.random()
    if kind < 0.2:
        (home / "net.onnx").write_bytes(damaged_bytes(rng, (home / "good.onnx").read_bytes()))
        return ["build", "net.onnx", "--calibration", "x.npy", "--out", "out"]
    if kind < 0.25:
        (home / "net.pt2").write_bytes(damaged_bytes(rng, (home / "m.npz").read_bytes()))
        return ["build", "net.pt2", "--calibration", "x.npy", "--out", "out"]
    (home / "net.py").write_text(model_source(rng))
    if kind < 0.5:
        return ["prune", "net.py:net", "--sparsity", "0.5", "--method", rng.choice(("magnitude", "obs", "taylor")), "--inputs", "x.npy",
                "--labels", "y.npy", "--weights", "w.safetensors", "--out", "out.npz"]  # fmt: skip
    return [
        "build",
        "net.py:net",
        "--calibration",
        "x.npy",
        "--test-inputs",
        "x.npy",
        "--test-labels",
        "y.npy",
        "--out",
        "out",
    ]


def options(rng: random.Random, home: Path) -> list[str]:
    return command(rng)


KINDS: dict[str, Callable[[random.Random, Path], list[str]]] = {
    "manifest": manifest, "files": files, "masks": masks, "models": models, "options": options,
}  # fmt: skip
CHUNKS = [
    pytest.param(kind, chunk, id=f"{kind}-{chunk}", marks=[pytest.mark.slow] if chunk else [])
    for kind, count in CASES.items()
    for chunk in range(count // CHUNK)
]


@pytest.mark.verilator
@pytest.mark.parametrize("kind, chunk", CHUNKS)
def test_every_end_is_one_that_was_thought_of(kind, chunk, origin, tmp_path, monkeypatch, capsys):
    assert sum(CASES.values()) == 1000
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        home = tmp_path / str(number)
        shutil.copytree(origin, home)
        monkeypatch.chdir(home)
        rng = random.Random(f"{kind} {number}")
        words = KINDS[kind](rng, home)
        before = contents(home)
        status = run(words)
        said = capsys.readouterr().err
        check(f"case {number}: zeroskip {' '.join(map(repr, words))}\n{said}", status, said, before, home)
        shutil.rmtree(home)


def check(message: str, status: int, said: str, before: dict[str, str], home: Path) -> None:
    assert status in (0, 1, 2), message
    lines = [line for line in said.splitlines() if not line.startswith("…")]
    assert len(lines) == (1 if status else 0), message
    assert all(line.startswith("zeroskip: ") for line in lines), message
    assert "Traceback" not in said, message
    assert "(unexpected; " not in said, message
    after = contents(home)
    assert not [name for name in after if ".partial" in name], message
    if status == 2:
        changed = {
            name
            for name in after
            if before.get(name) != after[name] and "/sim/" not in name and "__pycache__" not in name
        }
        assert not changed, f"{message}\nleft: {sorted(changed)}"
        assert set(before) <= set(after), message


def contents(home: Path) -> dict[str, str]:
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }
