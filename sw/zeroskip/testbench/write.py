"""The folder of a testbench, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from zeroskip.storage import images
from zeroskip.storage.atomic import file_digest, replaced_folder, require_replaceable, write_json
from zeroskip.storage.design_folder import write_images
from zeroskip.storage.sealed import stated
from zeroskip.storage.template import render
from zeroskip.waves import save_files, wanted

from .bench import Testbench
from .vectors import input_words, output_words

STATED = "testbench.json"
"""States the design and what is predicted; a folder that has it is a testbench, which may be replaced."""
FORMAT = "zeroskip testbench"
PACKAGE = "zeroskip.testbench"
DUT, WAVES = "testbench.dut", "waves.vcd"
"""Where testbench.v puts the design, and its waves."""


def write(bench: Testbench, folder: str | Path) -> Path:
    """Write ``folder``; a testbench that is there is replaced.

    It holds all that a simulator needs and names no place of this machine. Raises InputError for a folder in the way.
    """
    folder = Path(folder)
    with replaced_folder(folder, require_testbench_folder) as part:
        for kind, texts in (("rtl", bench.verilog), ("bench", dict(_texts("verilog")))):
            (part / kind).mkdir()
            for name, text in texts.items():
                (part / kind / name).write_text(text)
        write_images(bench.program, part / "images")
        _write_vectors(bench, part / "vectors")
        read = [*(part / "vectors").iterdir(), *(part / "images").iterdir()]
        contents = {path.relative_to(part).as_posix(): path.read_bytes() for path in sorted(read)}
        groups = wanted(bench.verilog.values(), bench.top)
        values = {
            **bench.values(contents), "bench": [name for name, _ in _texts("verilog")], "groups": groups, "scope": f"/{DUT}",
        }  # fmt: skip
        for name in ("testbench.v", "sources.f", "run_questa.do", "README.md"):
            (part / name).write_text(render(PACKAGE, f"{name}.j2", **values))
        for name, text in save_files(WAVES, groups, DUT).items():
            (part / name).write_text(text)
        for name, text in _texts("scripts"):
            (part / name).write_text(text)
            (part / name).chmod((part / name).stat().st_mode | 0o111)
        written = sorted(path for path in part.rglob("*") if path.is_file())
        write_json(
            {
                "format": FORMAT, "config_id": bench.program.config.digest, "samples": bench.samples, "groups": bench.groups,
                "cycles": bench.cycles.to_json(), "files": {path.relative_to(part).as_posix(): file_digest(path) for path in written},
            },
            part / STATED,
        )  # fmt: skip
    return folder


def _write_vectors(bench: Testbench, folder: Path) -> None:
    config, order = bench.program.config, bench.order
    elements = config.stream_elements
    folder.mkdir()
    words = input_words(bench.inputs[order], elements)
    images.write(folder / "inputs.mem", words, config.stream_bits + 1)
    images.write(
        folder / "outputs.mem", output_words(bench.expected[order], elements), config.stream_bits + elements + 1
    )


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    """Name and text of the files in a folder of the package."""
    for path in sorted((files(PACKAGE) / folder).iterdir(), key=lambda path: path.name):
        if path.name.endswith((".v", ".sh")):
            yield path.name, path.read_text()


def require_testbench_folder(folder: Path) -> None:
    """Refuse a folder that :func:`write` would not write to, before any work is done."""
    require_replaceable(folder, _is_testbench, "a testbench of zeroskip")


def _is_testbench(folder: Path) -> bool:
    return stated(folder / STATED).get("format") == FORMAT
