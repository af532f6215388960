"""Names of modules: what kind of component they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kinds import Kind

PREFIX = "zs_"


def kind_names(kinds: Sequence[Kind]) -> dict[str, str]:
    """Name by label: that of the class, and where several kinds have one class, that of the first instance behind it."""
    bases = {kind.label: PREFIX + _snake(type(kind.component).__name__) for kind in kinds}
    several = {base for base in bases.values() if list(bases.values()).count(base) > 1}
    names: dict[str, str] = {}
    used: set[str] = set()
    for kind in kinds:
        name = base = bases[kind.label]
        place = kind.instance.rstrip("0123456789")
        if base in several and not base.endswith(f"_{place}"):
            name = base = f"{base}_{place}"
        number = 2
        while name in used:
            name, number = f"{base}_{number}", number + 1
        used.add(name)
        names[kind.label] = name
    return names


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
