"""What a run must fulfil, each point by itself, and the JUnit report that says so to CI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from zeroskip.contracts.cycles import Cycles


@dataclass(frozen=True)
class Check:
    """One point.

    name : ``outputs``, ``registers``, ``errors``, ``latency``, ``interval``, or ``cycles of layer 'NAME'``
    failure : a line that says what is wrong; None when nothing is
    """

    name: str
    failure: str | None


def checks(
    *, difference: str | None, registers: str | None, errors: int, simulated: Cycles, predicted: Cycles, stalls: bool
) -> tuple[Check, ...]:
    """Every point of one run. Pauses on the streams take away latency and interval, which count them; the layers' cycles stay.

    difference : from the reference, None when there is none
    registers : what STATUS or GROUPS reads at the end and must not, None when both are right
    errors : the ERROR register at the end
    """
    found = [
        Check("outputs", difference),
        Check("registers", registers),
        Check("errors", f"the ERROR register reads {errors:#x}, expected 0" if errors else None),
    ]
    if not stalls:
        found += [
            _equal("latency", predicted.latency, simulated.latency), _equal("interval", predicted.interval, simulated.interval),
        ]  # fmt: skip
    for name, cycles in predicted.layers.items():
        found.append(_equal(f"cycles of layer {name!r}", cycles, simulated.layers.get(name)))
    return tuple(found)


def _equal(name: str, predicted: int, simulated: int | None) -> Check:
    if predicted == simulated:
        return Check(name, None)
    counted = None if simulated is None else f"{simulated:,}"
    return Check(name, f"{name}: predicted {predicted:,}, simulated {counted}")


def write_junit(path: Path, suite: str, found: Sequence[Check], seconds: float) -> None:
    """A case for every point, in the form that CI systems read; the suite's time stands at the first."""
    failures = sum(check.failure is not None for check in found)
    counts = {"tests": str(len(found)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}
    root = ElementTree.Element("testsuites", counts)
    cases = ElementTree.SubElement(root, "testsuite", {"name": suite, **counts})
    for number, check in enumerate(found):
        time = f"{seconds:.3f}" if number == 0 else "0"
        case = ElementTree.SubElement(cases, "testcase", {"classname": suite, "name": check.name, "time": time})
        if check.failure is not None:
            ElementTree.SubElement(case, "failure", {"message": check.failure}).text = check.failure
    ElementTree.indent(root)
    path.write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
