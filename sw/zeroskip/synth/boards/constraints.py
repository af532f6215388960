"""The file that tells nextpnr the pins, in the form of each family."""

from __future__ import annotations

from zeroskip.storage.template import render

from .board import Board


def constraints(board: Board, form: str) -> str:
    """The pins and the clock of ``board``. form : ``lpf`` (ECP5), ``pcf`` (iCE40) or ``cst`` (Gowin; the clock is an option there)."""
    mhz = f"{board.clock_hz / 1e6:g}"
    return render("zeroskip.synth.boards", f"pins.{form}.j2", board=board.words, pins=board.sites, mhz=mhz)
