"""What every export has in common: refusals in one line, a folder that is whole or not there, and a record of what it is."""

from __future__ import annotations

import errno
import json
import re
import shutil
import zlib
from pathlib import Path

import pytest
from tests.sw.export.designs import built

from zeroskip.contracts.errors import ImageError, InputError
from zeroskip.export import EXPORTED, TOOLS, export, tool_named
from zeroskip.export import write as writing
from zeroskip.storage.atomic import file_digest
from zeroskip.storage.payload_folder import read_payload


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """A design of the test's own, which it may alter."""
    return shutil.copytree(built("flat"), tmp_path / "net")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def nothing_is_left(tmp_path: Path) -> bool:
    """Neither an export nor a part of one."""
    return (
        not list(tmp_path.rglob("*.partial*"))
        and not (tmp_path / "out").exists()
        and not (tmp_path / "net" / "export").exists()
    )


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_an_unknown_tool_is_told_the_known_ones(design: Path, tmp_path: Path) -> None:
    known = ", ".join(TOOLS)
    with pytest.raises(InputError, match=rf"^tool must be one of {known}, not 'ise'$"):
        export(design, "ise", out=tmp_path / "out")
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("tool", [tool for tool in TOOLS.values() if tool.parts], ids=lambda tool: tool.name)
def test_an_unknown_part_is_told_one_that_fits(design: Path, tmp_path: Path, tool) -> None:
    with pytest.raises(
        InputError, match=rf"^part must be one of {tool.name}'s, as {re.escape(tool.example)}, not 'z80'$"
    ):
        export(design, tool.name, out=tmp_path / "out", part="z80")
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("tool", [tool for tool in TOOLS.values() if not tool.parts], ids=lambda tool: tool.name)
def test_a_part_that_nobody_needs_is_refused(design: Path, tmp_path: Path, tool) -> None:
    with pytest.raises(
        InputError, match=rf"^part must be left out for {tool.name}, which needs none, not 'xc7a35tcpg236-1'$"
    ):
        export(design, tool.name, out=tmp_path / "out", part="xc7a35tcpg236-1")
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("clock", [0, 0.0, -1, 10_000, float("nan"), float("inf")])
def test_a_clock_that_cannot_be_is_refused(design: Path, tmp_path: Path, clock: float) -> None:
    with pytest.raises(InputError, match=rf"^clock must be above 0 and below 10000 MHz, not {clock}$"):
        export(design, "filelist", out=tmp_path / "out", clock=clock)
    assert nothing_is_left(tmp_path)


def test_a_folder_that_is_no_design_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    with pytest.raises(ImageError, match=r"manifest\.json: "):
        export(tmp_path / "net", "filelist", out=tmp_path / "out")
    with pytest.raises(ImageError, match=r"absent.*manifest\.json: "):
        export(tmp_path / "absent", "filelist", out=tmp_path / "out")
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("name", ["images/rows0.mem", "rtl/zs_ram.v", "rtl/zeroskip.json", "network.safetensors"])
def test_a_design_that_was_altered_is_refused(design: Path, tmp_path: Path, name: str) -> None:
    path = design / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ImageError, match=rf"{name}: was altered; its sha256 is not the manifest's$"):
        export(design, "filelist", out=tmp_path / "out")
    path.unlink()
    with pytest.raises(ImageError, match=rf"{name}: is missing; the manifest lists it$"):
        export(design, "filelist", out=tmp_path / "out")
    assert nothing_is_left(tmp_path)


def test_a_folder_in_the_way_is_refused_and_stays_as_it_was(design: Path, tmp_path: Path) -> None:
    for name, content in (("notes.txt", "mine"), (EXPORTED, "no JSON"), (EXPORTED, "[1]"), (EXPORTED, "{}")):
        out = tmp_path / "mine"
        out.mkdir()
        (out / name).write_text(content)
        with pytest.raises(
            InputError, match=r"mine: is not empty and not an export of zeroskip; choose another folder$"
        ):
            export(design, "filelist", out=out)
        assert contents(out) == {name: content.encode()}
        shutil.rmtree(out)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"file: must be a folder$"):
        export(design, "filelist", out=tmp_path / "file")
    with pytest.raises(InputError, match=r"file/out: .*file is not a folder$"):
        export(design, "filelist", out=tmp_path / "file" / "out")


def test_the_design_itself_is_no_place_for_an_export(design: Path) -> None:
    before = contents(design)
    with pytest.raises(InputError, match=r"net: is not empty and not an export of zeroskip; choose another folder$"):
        export(design, "filelist", out=design)
    assert contents(design) == before


# --- whole or not at all ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError("a fault")]
)
def test_nothing_half_written_stays_after_an_error(
    design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    """In the middle of the files; what was there before is there still."""
    out = tmp_path / "out"
    written = Path.write_bytes
    count = [0]

    def fails(self: Path, data: bytes) -> int:
        count[0] += 1
        if count[0] == 4:
            raise error
        return written(self, data)

    for earlier in ({}, contents(export(design, "filelist", out=tmp_path / "first"))):
        if earlier:
            shutil.move(tmp_path / "first", out)
        count[0] = 0
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", fails)
            with pytest.raises((type(error), InputError)) as caught:
                export(design, "filelist", out=out)
        if isinstance(error, OSError):
            assert str(caught.value) == f"{out}: cannot be written: No space left on device"
        assert (contents(out) if out.exists() else {}) == earlier
        assert not list(tmp_path.rglob("*.partial*"))


def test_an_exporter_that_fails_leaves_nothing(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(bundle: object) -> dict[str, bytes]:
        raise InputError("stream_bits must be 8 for this tool, not 16")

    broken = type(TOOLS["filelist"])(**{**vars(TOOLS["filelist"]), "files": fails})
    monkeypatch.setattr(writing, "tool_named", lambda name: broken)
    with pytest.raises(InputError, match=r"^stream_bits must be 8"):
        export(design, "filelist", out=tmp_path / "out")
    assert nothing_is_left(tmp_path)


def test_an_export_is_replaced_whole(design: Path, tmp_path: Path) -> None:
    out = export(design, "vivado", out=tmp_path / "out")
    (out / "project").mkdir()
    (out / "project" / "own.txt").write_text("what a tool left there goes")
    export(design, "filelist", out=out)
    assert contents(out) == contents(export(design, "filelist", out=tmp_path / "other"))


def test_an_empty_folder_is_filled(design: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert (export(design, "filelist", out=tmp_path / "out") / EXPORTED).is_file()


# --- what is written --------------------------------------------------------------------------------------------------


def test_by_default_it_lies_in_the_design_which_stays_a_design(design: Path) -> None:
    before = contents(design)
    said: list[str] = []
    folder = export(design, "filelist", progress=said.append)
    assert folder == design / "export" / "filelist"
    assert said == [f"writing {folder}"]
    after = contents(design)
    assert {name: after[name] for name in before} == before
    assert all(name in before or name.startswith("export/filelist/") for name in after)
    assert contents(export(design, "filelist", out=design.parent / "again")) == contents(folder)


@pytest.mark.parametrize("name", TOOLS)
def test_the_record_states_tool_part_design_and_every_file(design: Path, tmp_path: Path, name: str) -> None:
    tool = tool_named(name)
    folder = export(design, name, out=tmp_path / "out", clock=62.5)
    record = json.loads((folder / EXPORTED).read_text())
    files = {path: file_digest(folder / path) for path in contents(folder) if path != EXPORTED}
    sidecar = json.loads((design / "rtl" / "zeroskip.json").read_text())
    assert record == {
        "tool": name, "part": tool.example, "clock": 62.5, "design": "net", "config_id": sidecar["config_id"], "files": files,
    }  # fmt: skip
    assert "README.md" in files


@pytest.mark.parametrize("name", TOOLS)
def test_the_same_folder_twice(design: Path, tmp_path: Path, name: str) -> None:
    """No date, no order of a set, no place."""
    moved = shutil.copytree(design, tmp_path / "far" / "away" / "net")
    first, second = export(design, name, out=tmp_path / "a"), export(moved, name, out=tmp_path / "b")
    assert contents(first) == contents(second)


@pytest.mark.parametrize("name", TOOLS)
def test_new_weights_for_the_same_array_change_images_alone(tmp_path: Path, name: str) -> None:
    """All that goes to synthesis but the contents of memories is the same, byte for byte.

    The driver's header has the images too, a testbench other vectors, and for Diamond the README counts the writes of a list.
    """
    first, second = (
        contents(
            export(shutil.copytree(built(design), tmp_path / design / "net"), name, out=tmp_path / f"{design}_out")
        )
        for design in ("flat", "flat_again")
    )
    assert sorted(first) == sorted(second)
    changed = {path for path in first if first[path] != second[path]} - {EXPORTED}
    assert changed
    allowed = (
        "images/",
        "driver/zeroskip_design.h",
        "bench/",
        "vectors/",
        *(("load.txt", "README.md") * (name == "diamond")),
    )
    assert all(path.startswith(allowed) for path in changed), changed


@pytest.mark.parametrize(
    "folder, name", [("net", "net"), ("my-net 2", "my_net_2"), ("2nets", "n2nets"), ("_a", "n_a"), ("größe", "gr__e")]
)
def test_a_design_is_named_after_its_folder(design: Path, tmp_path: Path, folder: str, name: str) -> None:
    design.rename(tmp_path / folder)
    out = export(tmp_path / folder, "filelist", out=tmp_path / "out")
    assert json.loads((out / EXPORTED).read_text())["design"] == name
    assert f" -o {name}.vvp" in (out / "README.md").read_text()


@pytest.mark.parametrize("name", TOOLS)
def test_tools_say_what_they_are(name: str) -> None:
    tool = TOOLS[name]
    assert tool.name == name
    assert tool.words
    assert (tool.parts is None) == (tool.example is None)
    assert tool.parts is None or re.fullmatch(tool.parts, tool.example or "")


# --- driver -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["flat", "strips"])
def test_the_c_driver_in_it_has_the_words_of_the_images(name: str, tool: str, tmp_path: Path) -> None:
    """Its header has every part in the order of loading, and the CRC-32 of them; what a source includes is there."""
    home = export(built(name), tool, out=tmp_path / "out") / "driver"
    payload = read_payload(built(name))
    header = (home / "zeroskip_design.h").read_text()
    arrays = re.findall(r"uint32_t \w+\[[^=]*= \{(.*?)\};", header, re.DOTALL)
    words = [int(word, 16) for array in arrays for word in re.findall(r"0x([0-9a-f]+)u", array)]
    assert words == [value for write in payload.writes() for value in write.values]
    assert f"0x{zlib.crc32(b''.join(word.to_bytes(4, 'little') for word in words)):x}u" in header
    for included in re.findall(r'#include "([^"]+)"', "".join(path.read_text() for path in home.iterdir())):
        assert (home / included).is_file() or included.isupper(), included
