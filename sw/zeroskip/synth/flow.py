"""From a saved design to its area and Fmax: read, wrap, map, check that it fits, place and route by seeds."""

from __future__ import annotations

import json
import math
import re
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zeroskip.contracts.errors import ImageError, InputError

from .area import Hierarchy, ModuleArea, plain_name
from .floorplan import pin_down
from .report import Placed, SynthReport, read_nextpnr
from .targets import Target, target_named
from .tools import nextpnr, read_verilog, tool_versions, yosys
from .wrapper import WRAPPER, ports_of, wrap

LANES = r"(^|[._])lane_?\d*([(#].*)?$"
"""Finds a module whose name ends in a lane: ``zs_channel_lane#1f3c``, ``lane(W=8)``, but not ``zs_lane_fifo``."""
_PARALLEL = 2
_IMAGE = re.compile(r'\$readmem[hb]\s*\(\s*"([^"]+)"|"(images/[^"]+)"')


def synthesise(
    design_dir: str | Path,
    target: str,
    *,
    seeds: Sequence[int] = (1, 2, 3),
    freq: float | None = None,
    keep: str | None = LANES,
    progress: Callable[[str], None] | None = None,
) -> SynthReport:
    """Measure a saved design on a part, through Yosys and nextpnr. Nothing is written into ``design_dir``.

    design_dir : holds ``rtl/*.v``, the images that this Verilog reads, and ``manifest.json`` with the top module's name
    target : one of :data:`TARGETS`
    seeds : seeds of nextpnr's placer, each a positive integer; two run at a time
    freq : clock in MHz to aim at; by default the target's. Fmax may be below or above it. With one clock nextpnr 0.11 reaches the
        same Fmax whatever it aims at: tried from 100 to 400 MHz, five seeds
    keep : the design is mapped a second time, in which the modules whose name this regular expression finds keep their boundary, so
        that its area can be split by module; None for none. Placed is the first, which has no boundaries within, as tools of
        vendors have none either: they cost area and clock. The report's ``apart`` says how much area
    progress : called with one line as each step begins or ends, from several threads

    The design is measured inside a wrapper with a flip-flop on every port (see :mod:`zeroskip.synth.wrapper`). The wrapper is a module
    of its own in the mapped netlist. So its share is read, not estimated, and the report states it.

    Raises InputError for an unknown target, bad seeds or frequency, and Verilog that Yosys does not accept; ImageError for a folder
    without Verilog or a missing image; CapacityError, with both figures, for a design that does not fit; ToolMissingError if Yosys or
    nextpnr is not installed.
    """
    part = target_named(target)
    design = Path(design_dir)
    tell = progress or (lambda message: None)
    aim = _checked_options(seeds, freq, keep, part)
    top, clock = _manifest(design)
    _check_images(design)
    tell(f"starting yosys and nextpnr-{part.nextpnr} (their first start on a machine takes a minute)")
    tools = tool_versions(part)
    with tempfile.TemporaryDirectory(prefix="zeroskip-synth-") as name, ThreadPoolExecutor(_PARALLEL) as pool:
        folder = Path(name)
        tell("yosys: reading the Verilog")
        kept_modules = _read(part, design, folder, top, clock, keep)
        tell(f"yosys: mapping to {part.name}")
        runs = {"flat": [top], "kept": kept_modules}
        if len(kept_modules) == 1:
            del runs["kept"]
        mapped = dict(zip(runs, pool.map(lambda run: _map(part, run, runs[run], folder, design), runs), strict=True))
        whole, apart = mapped["flat"].whole(top), mapped.get("kept", mapped["flat"])
        part.check_fit(whole, f"{design}: {top!r}")
        pin_down(folder / "flat.json", part)

        def place(seed: int) -> Placed:
            tell(f"nextpnr: seed {seed}")
            placed = read_nextpnr(nextpnr(part, "flat.json", seed, aim, folder, f"{design}: {top!r}"))
            tell(f"nextpnr: seed {seed}: {placed.fmax:.1f} MHz")
            return placed

        try:
            placed = dict(zip(seeds, pool.map(place, seeds), strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    fmax = {seed: round(result.fmax, 2) for seed, result in placed.items()}
    median = statistics.median_low(fmax.values())
    middle = placed[next(seed for seed, value in fmax.items() if value == median)]
    return SynthReport(
        target=part.name,
        device=part.device,
        package=part.package,
        speed=part.speed,
        top=top,
        area=whole,
        apart=apart.whole(top),
        available=part.available,
        wrapper=mapped["flat"].own(WRAPPER),
        placed=middle.resources,
        modules=apart.modules(top),
        keep=keep,
        freq=aim,
        fmax=fmax,
        fmax_median=median,
        critical_path=middle.critical_path,
        tools=tools,
    )


def map_areas(design_dir: str | Path, target: str, *, keep: str | None = LANES) -> dict[str, ModuleArea]:
    """Area of every module of a saved design that keeps its boundary, by Yosys alone: without place and route.

    design_dir, target, keep : as for :func:`synthesise`. The top module, whose name the manifest has, is the whole design.
    """
    part, design = target_named(target), Path(design_dir)
    top, clock = _manifest(design)
    with tempfile.TemporaryDirectory(prefix="zeroskip-synth-") as name:
        folder = Path(name)
        kept = _read(part, design, folder, top, clock, keep)
        return _map(part, "mapped", kept, folder, design).modules(top)


def checked_seeds(seeds: Sequence[object]) -> None:
    """Refuse what cannot be seeds of placements."""
    bad = [seed for seed in seeds if isinstance(seed, bool) or not isinstance(seed, int) or seed < 1]
    if bad or not seeds or len(set(seeds)) != len(seeds):
        raise InputError(f"seeds must be different positive integers, at least one, not {list(seeds)}")


def _checked_options(seeds: Sequence[object], freq: float | None, keep: str | None, target: Target) -> float:
    checked_seeds(seeds)
    aim = target.freq if freq is None else float(freq)
    if not (math.isfinite(aim) and aim > 0):
        raise InputError(f"freq must be a positive number of MHz, not {freq}")
    try:
        re.compile(keep or "")
    except re.error as error:
        raise InputError(f"keep must be a regular expression, not {keep!r}: {error}") from None
    return aim


def _manifest(design: Path) -> tuple[str, str | None]:
    path = design / "manifest.json"
    if not path.is_file():
        raise ImageError(f"{path}: no such file; give the folder that a build made")
    try:
        verilog: Any = json.loads(path.read_text()).get("verilog", {})
        top, clock = verilog.get("top", "zeroskip"), verilog.get("clock")
    except (ValueError, AttributeError) as error:
        raise ImageError(f"{path}: must be a JSON object with an object 'verilog': {error}") from None
    if not isinstance(top, str) or not re.fullmatch(r"[!-~]+", top):
        raise ImageError(f"{path}: verilog.top must be a module's name, not {top!r}")
    return top, clock if isinstance(clock, str) else None


def _check_images(design: Path) -> None:
    sources = sorted((design / "rtl").glob("*.v"))
    if not sources:
        raise ImageError(f"{design}: holds no rtl/*.v")
    for source in sources:
        text = source.read_text(errors="replace")
        for image in dict.fromkeys(found[1] or found[2] for found in _IMAGE.finditer(text)):
            if not (design / image).is_file():
                raise ImageError(f"{design}: image {image!r}, which rtl/{source.name} reads, is missing")


def copy_sources(design: Path, folder: Path) -> list[str]:
    """Copy a design's Verilog and the images that it reads into ``folder``. Returns the Verilog files, quoted for Yosys.

    Raises ImageError for a folder without Verilog or a missing image.
    """
    _check_images(design)
    shutil.copytree(design / "rtl", folder / "rtl")
    if (design / "images").is_dir():
        shutil.copytree(design / "images", folder / "images")
    return [f'"rtl/{source.name}"' for source in sorted((folder / "rtl").glob("*.v"))]


def _read(target: Target, design: Path, folder: Path, top: str, clock: str | None, keep: str | None) -> list[str]:
    """Write the design as ``design.il`` and its wrapper as ``wrapper.v`` in ``folder``. Returns the modules to keep, the top first."""
    sources = copy_sources(design, folder)
    steps = [
        read_verilog(sources, target.synth),
        f"hierarchy -top \\{top}",
        "write_rtlil design.il",
        "blackbox =*",
        "write_json ports.json",
    ]
    yosys("\n".join(steps), folder, design)
    netlist = json.loads((folder / "ports.json").read_text())
    (folder / "wrapper.v").write_text(wrap(top, ports_of(netlist, top), clock))
    return [
        top,
        *(
            name
            for name in netlist["modules"]
            if name != top and keep is not None and re.search(keep, plain_name(name))
        ),
    ]


def _map(target: Target, run: str, keep: list[str], folder: Path, design: Path) -> Hierarchy:
    """Map the wrapped design, with the boundaries of ``keep``, to ``<run>.json``. Each run has a folder of its own."""
    work = folder / run
    work.mkdir()
    steps = [
        "read_rtlil ../design.il",
        "read_verilog ../wrapper.v",
        *(f"setattr -mod -set keep_hierarchy 1 {name if name[0] == '$' else f'{chr(92)}{name}'}" for name in keep),
        f"{target.synth} -top {WRAPPER}",
        "tee -q -o stat.json stat -json",
        f"write_json ../{run}.json",
    ]
    yosys("\n".join(steps), work, design)
    return Hierarchy(json.loads((work / "stat.json").read_text()), target.cells)
