"""The example of the documentation compiles."""

from __future__ import annotations

import re
from pathlib import Path

from zeroskip.contracts.payload import Payload
from zeroskip.drivers.files import driver_files

PAGE = Path(__file__).parents[3] / "docs" / "drivers.md"


def test_the_c_of_the_page_compiles_as_it_stands(payload: Payload, gcc, tmp_path: Path) -> None:
    (example,) = re.findall(r"```c\n(.*?)```", PAGE.read_text(), re.S)
    for name, text in (driver_files(payload) | {"example.c": example}).items():
        (tmp_path / name).write_text(text)
    gcc(tmp_path, "-c", "-ffreestanding", "-Wno-missing-prototypes", "example.c")
