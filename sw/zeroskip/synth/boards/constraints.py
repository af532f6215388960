"""The file that tells nextpnr the pins, in the form of each family."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from .board import Board


def constraints(board: Board, form: str) -> str:
    """The pins and the clock of ``board``. form : ``lpf`` (ECP5), ``pcf`` (iCE40) or ``cst`` (Gowin; the clock is an option there)."""
    mhz = f"{board.clock_hz / 1e6:g}"
    return _environment().get_template(f"pins.{form}.j2").render(board=board.words, pins=board.sites, mhz=mhz)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("zeroskip.synth.boards"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
