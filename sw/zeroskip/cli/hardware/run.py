"""``zeroskip run``: a board on a serial port is compared with its design's reference and prediction."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zeroskip.cli import arguments as a
from zeroskip.cli.values import samples_for
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import DeviceError, InputError, MismatchError
from zeroskip.storage.atomic import refused, write_json

if TYPE_CHECKING:
    from zeroskip.drivers.device import Device
    from zeroskip.drivers.uart import Uart
    from zeroskip.flow import Design

DEFAULT_BAUD = 1_000_000


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options, as they were given."""

    folder: a.Folder
    port: Annotated[str, typer.Option(metavar="PORT", help="Serial port of the board, as /dev/ttyUSB0.")]
    board: Annotated[str | None, typer.Option(help="Board, as in zeroskip synth: it tells the baud rate.")] = None
    baud: Annotated[
        int | None, typer.Option(min=1, help=f"Bits per second. By default those of --board, else {DEFAULT_BAUD:,}.")
    ] = None
    inputs: a.SamplesInputsOption = None
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first N inputs.")] = None
    load: Annotated[
        bool, typer.Option("--load", help="First write DIR's images into the board, in place of those it holds.")
    ] = False
    out: Annotated[Path | None, typer.Option(help="File of the report. By default DIR/run/report.json.")] = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one run gave.

    failures : all that is wrong, one line each
    cycles : as counted on the board
    compared : of ``latency`` and ``interval`` those that can be compared: the line did not make the streams wait
    groups : counted, and sent
    """

    failures: tuple[str, ...]
    cycles: Cycles
    compared: tuple[str, ...]
    groups: tuple[int, int]


def run_on_board(options: RunOptions) -> None:
    """Send samples to a board that holds DIR's array, and compare outputs and counted cycles with reference and prediction.

    The exit status is 1 when they differ, 2 when there is no such board.

    Example: zeroskip run build/net --port /dev/ttyUSB1 --board icebreaker
    """
    from zeroskip.cli import tables
    from zeroskip.drivers.device import Device
    from zeroskip.drivers.uart import Uart
    from zeroskip.flow import Design
    from zeroskip.synth.boards import board_named

    baud = options.baud or (board_named(options.board).baud if options.board is not None else DEFAULT_BAUD)
    design = Design.load(options.folder)
    x = samples_for(options.folder, options.inputs, options.samples)
    if not len(x):
        raise InputError(f"--inputs: {options.inputs or options.folder / 'inputs.npy'}: must hold at least one sample")
    expected = design.reference(x)
    with tables.progress() as progress:
        progress(f"asking {options.port} who is there")
        with _nobody_there(options.port):
            uart = Uart.open(options.port, baud, group=_group(design))
        try:
            device = Device(uart, uart)
            with _nobody_there(options.port):
                device.check(design)
            if options.load:
                progress("writing the images")
                device.reload(design)
            else:
                device.attach(design)
                device.stop()
                device.start()
            progress(f"{len(x)} samples")
            begin = time.monotonic()
            outputs = device.run(x)
            seconds = time.monotonic() - begin
            finding = _compare(design, device, uart, outputs, expected)
        finally:
            uart.close()
    report = {
        "port": options.port, "baud": baud, "samples": len(x), "loaded": options.load, "seconds": round(seconds, 3),
        "clock_khz": uart.link.clock_khz, "equal": not finding.failures, "failures": list(finding.failures),
        "predicted": design.cycles.to_json(), "counted": finding.cycles.to_json(), "compared": ["layers", *finding.compared],
    }  # fmt: skip
    out = options.out or options.folder / "run" / "report.json"
    with refused(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_json(report, out)
    _show(design, finding, uart, options, len(x), seconds, out)
    if finding.failures:
        more = f" (and {len(finding.failures) - 1} more: see {out})" if len(finding.failures) > 1 else ""
        raise MismatchError(f"{options.port}: {finding.failures[0]}{more}")


@contextmanager
def _nobody_there(port: str) -> Iterator[None]:
    """A board that does not answer, or is another one, is a matter of what was asked for, not a difference between two results."""
    try:
        yield
    except DeviceError as error:
        raise InputError(f"{port}: {error}") from error


def _group(design: Design) -> int:
    from zeroskip.contracts.payload import Payload

    return Payload.of(design).group


def _compare(design: Design, device: Device, uart: Uart, outputs: Any, expected: Any) -> Finding:
    import numpy as np

    group, program = _group(design), design.program
    failures = []
    wrong = np.argwhere(outputs != expected)
    if len(wrong):
        place = tuple(int(i) for i in wrong[0])
        failures.append(
            f"outputs differ in {len(np.unique(wrong[:, 0]))} of {len(expected)} samples: the first is sample {place[0]}, output"
            f" {list(place[1:])}: expected {expected[place]}, got {outputs[place]}"
        )
    sent = -(-len(expected) // group)
    batches = uart.batches(sent * group, program.inputs, program.outputs)
    whole = uart.at_once(program.inputs, program.outputs) > 0
    compared = [
        *(("latency",) if whole else ()),
        *(("interval",) if whole and batches[-1] >= 3 * group else ()),
    ]
    cycles, groups = device.cycles(), device.counters().groups
    for name, predicted in design.cycles.layers.items():
        if cycles.layers[name] != predicted:
            failures.append(f"cycles of {name}: predicted {predicted}, counted {cycles.layers[name]}")
    for name in compared:
        predicted, counted = getattr(design.cycles, name), getattr(cycles, name)
        if predicted != counted:
            failures.append(f"{name}: predicted {predicted}, counted {counted}")
    if groups != sent:
        failures.append(f"groups: sent {sent}, counted {groups}")
    failures += [f"ERROR.{name} is set" for name in device.errors()]
    return Finding(failures=tuple(failures), cycles=cycles, compared=tuple(compared), groups=(groups, sent))


def _show(
    design: Design, finding: Finding, uart: Uart, options: RunOptions, samples: int, seconds: float, out: Path
) -> None:
    from zeroskip.cli import tables

    counted, predicted = finding.cycles, design.cycles
    rows = [[name, f"{cycles:,}", f"{counted.layers[name]:,}"] for name, cycles in predicted.layers.items()]
    rows += [[name, f"{getattr(predicted, name):,}", f"{getattr(counted, name):,}"] for name in finding.compared]
    tables.out.print(tables.NumberTable("Cycles per group", ["", "predicted", "counted"], rows))
    differ = any(failure.startswith("outputs differ") for failure in finding.failures)
    clock = uart.link.clock_khz
    found = [
        ("board", f"{options.port}, clock {clock / 1000:g} MHz"),
        ("outputs", "differ" if differ else f"{samples} samples equal the reference"),
        ("time", f"{seconds:.2f} s, the line included; the array takes {1000 * design.cycles.interval / clock:,.1f} µs a group"),
        ("results", str(out)),
    ]  # fmt: skip
    left = [name for name in ("latency", "interval") if name not in finding.compared]
    if left:
        found.insert(
            2,
            (
                "not compared",
                f"{' and '.join(left)}: the line is slower than the streams, or too few samples were sent",
            ),
        )
    tables.out.print(tables.pairs(found))
