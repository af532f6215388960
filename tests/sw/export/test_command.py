"""``zeroskip export``: what it prints, and one line with status 2 for what it refuses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sw.export.designs import built

from zeroskip.cli.hardware.export import TOOL_NAMES
from zeroskip.cli.main import run
from zeroskip.export import EXPORTED, TOOLS


@pytest.fixture
def design(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return shutil.copytree(built("flat"), tmp_path / "net")


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = run(["export", *arguments])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_help_names_every_tool() -> None:
    assert ", ".join(TOOLS) == TOOL_NAMES


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_a_page_in_the_index(name: str) -> None:
    pages = Path(__file__).parents[3] / "docs" / "tools"
    assert f"({name}.md)" in (pages / "README.md").read_text()
    assert f"--to {name}" in (pages / f"{name}.md").read_text()


def test_help_does_not_import_torch() -> None:
    code = "import sys; from zeroskip.cli.main import run; run(['export', '--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--to" in done.stdout


def test_an_export_does_not_import_torch(design: Path) -> None:
    code = "import sys; from zeroskip.export import export; export('net', 'vivado'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=design.parent, check=False).returncode == 0


def test_it_says_where_to_go_on(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = called(capsys, "net", "--to", "vivado", "--part", "xczu3eg-sbva484-1-e", "--clock", "200")
    folder = design / "export" / "vivado"
    assert status == 0
    assert "net/export/vivado/README.md" in out
    assert str(sum(path.is_file() for path in folder.rglob("*"))) in out
    assert "-period 5.000 " in (folder / "constraints" / "zeroskip.xdc").read_text()


def test_out_is_taken(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "net", "--to", "filelist", "--out", "sub/there")[0] == 0
    assert (design.parent / "sub" / "there" / EXPORTED).is_file()
    assert not (design / "export").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["net", "--to", "ise"], "tool must be one of "),
        (["net", "--to", "vivado", "--part", "z80"], "part must be one of vivado's, as xc7a35tcpg236-1, not 'z80'"),
        (["net", "--to", "filelist", "--part", "z80"], "part must be left out for filelist, which needs none, not 'z80'"),
        (["net", "--to", "vivado", "--clock", "0"], "clock must be above 0 and below 10000 MHz, not 0.0"),
        (["net", "--to", "vivado", "--clock", "fast"], "Invalid value for '--clock': "),
        (["net"], "Missing option '--to'"),
        (["--to", "vivado"], "Missing argument 'DIR'"),
        (["absent", "--to", "vivado"], "absent/manifest.json: "),
        (["net", "--to", "vivado", "--out", "net"], "net: is not empty and not an export of zeroskip; choose another folder"),
        (["net", "--to", "vivado", "--out", ""], "must be the name of a folder"),
    ],
)  # fmt: skip
def test_what_is_refused_is_one_line_and_status_2(
    design: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    before = sorted(design.parent.rglob("*"))
    status, out, err = called(capsys, *arguments)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("zeroskip: ")
    assert message in line
    assert sorted(design.parent.rglob("*")) == before
