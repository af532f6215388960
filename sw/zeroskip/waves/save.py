"""Groups of signals in the forms of the viewers: GTKWave's save file, and commands for Surfer.

Surfer's own state files change with its versions, so a file of its commands is written instead.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from vcd.gtkw import GTKWSave

from .groups import Group

GTKWAVE, SURFER = "waves.gtkw", "waves.sucl"
"""Names of the two files."""

ZOOM = -20.0
"""Of GTKWave: 2**20 time units per 200 pixels; in picoseconds, at a clock of 10 ns, the window shows some 500 cycles."""


def save_files(dump: str, groups: Sequence[Group], scope: str) -> dict[str, str]:
    """Text by file name, for the folder of the recorded waves ``dump``. ``scope`` is the path of the design's top in them."""
    return {GTKWAVE: gtkwave(dump, groups, scope), SURFER: surfer(groups, scope)}


def gtkwave(dump: str, groups: Sequence[Group], scope: str) -> str:
    """A save file: traces in groups; those of the lanes are closed at first. Of a name with dots GTKWave shows the end only."""
    text = io.StringIO()
    save = GTKWSave(text)
    save.dumpfile(dump, abspath=False)
    save.size(1600, 1000)
    save.zoom_markers(ZOOM)
    instances = scope.split(".")
    for depth in range(1, len(instances) + 1):
        save.treeopen(".".join(instances[:depth]) + ".")
    save.signals_width(300)
    for group in groups:
        with save.group(group.title, closed=group.title.startswith("lane ")):
            for wave in group.waves:
                path = f"{scope}.{wave.path}" + (f"[{wave.width - 1}:0]" if wave.width > 1 else "")
                save.trace(path, alias=wave.label.replace(".", "/"), datafmt="hex" if wave.width > 1 else "bin")
    return text.getvalue()


def surfer(groups: Sequence[Group], scope: str) -> str:
    """Commands: a divider with its name before each group, since no command makes a group of signals by their names."""
    lines = []
    for group in groups:
        lines.append(f"divider_add {re.sub(r'[^A-Za-z0-9]+', '_', group.title)}")
        lines += [f"variable_add {scope}.{wave.path}" for wave in group.waves]
    return "\n".join([*lines, "zoom_fit"]) + "\n"
