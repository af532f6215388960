"""``make data`` against a server on this machine: what it says and leaves behind when all goes well, and when not."""

from __future__ import annotations

import errno
import gc
import gzip
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pooch
import pytest
from filelock import FileLock
from tests.data import contents, download, fetch
from tests.data.download import Listed, Npm, Url
from tests.data.failures import UnreachableError
from tests.data.sources import SOURCES, Source, Way

# pooch leaves the connection of a failed download open until it is collected
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

TEXT = b"some numbers"
SHA256 = hashlib.sha256(TEXT).hexdigest()

FACTS: dict[str, Any] = {"title": "numbers", "licence": "CC0", "megabytes": 1, "needed_by": "a test"}

Run = Callable[..., tuple[int, list[str]]]


asked: set[str] = set()


class Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.endswith("short.txt"):  # fewer bytes than promised
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(TEXT)
            self.close_connection = True
        elif self.path.endswith("busy.txt") and self.path not in asked:
            asked.add(self.path)
            self.send_error(429)
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of what lies in ``tmp_path/web``."""
    root = tmp_path / "web"
    root.mkdir()
    (root / "a.txt").write_bytes(TEXT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    gc.collect()  # here and not in the middle of somebody else's test


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, in which ``set/a.txt`` and ``set/b.txt`` are wanted."""
    monkeypatch.setenv("ZEROSKIP_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(contents, "contents", lambda: {"set/a.txt": SHA256, "set/b.txt": SHA256})
    monkeypatch.setattr(download, "_silent_hosts", set())
    return (tmp_path / "data").resolve()


@pytest.fixture
def run(data: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``main``, and the lines that it prints."""

    def main(*sources: Source, arguments: tuple[str, ...] = ()) -> tuple[int, list[str]]:
        status = fetch.main(arguments, sources)
        return status, capsys.readouterr().out.splitlines()

    return main


def copied(files: Mapping[str, Path], made: Path, name: str = "a.txt") -> None:
    (made / "set").mkdir()
    (made / "set" / name).write_bytes(files[next(iter(files))].read_bytes())


def source(*ways: str | Way, name: str = "set", file: str = "a.txt", hash: str | None = None) -> Source:
    """One that copies what it fetches."""
    made = tuple(way if isinstance(way, Way) else Way((Url(way, hash),), partial(copied, name=file)) for way in ways)
    return Source(name=name, files=(f"set/{file}",), ways=made, **FACTS)


def held(data: Path) -> set[str]:
    """All files but those that ``make data`` keeps for itself."""
    return {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()} - {".lock"}


def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


# --- all goes well ---------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_and_its_licence_told(web: str, data: Path, run: Run) -> None:
    status, lines = run(source(f"{web}/a.txt", hash=f"sha256:{SHA256}"))
    host = web.removeprefix("http://")
    assert lines == [f"data: set: fetched from {host}; licence: CC0", f"data: 1 of 1 sources are in {data}"]
    assert status == 0
    assert held(data) == {"set/a.txt", "set/NOTE.md"}
    assert (data / "set/a.txt").read_bytes() == TEXT
    note = (data / "set/NOTE.md").read_text()
    assert "Licence: CC0." in note
    assert f"- {web}/a.txt" in note


def test_what_is_there_is_not_fetched_again(web: str, data: Path, run: Run) -> None:
    run(source(f"{web}/a.txt"))
    status, lines = run(source(f"{nobody()}/a.txt"))
    assert (status, lines) == (0, ["data: set: there"])


def test_what_is_there_and_wrong_is_replaced(web: str, data: Path, run: Run) -> None:
    (data / "set").mkdir(parents=True)
    (data / "set/a.txt").write_bytes(b"other numbers")
    assert run(source(f"{web}/a.txt"))[0] == 0
    assert (data / "set/a.txt").read_bytes() == TEXT


def test_the_next_way_is_tried(web: str, data: Path, run: Run) -> None:
    dead = nobody()
    status, lines = run(source(f"{dead}/a.txt", f"{web}/a.txt"))
    assert status == 0
    assert f"({dead.removeprefix('http://')} cannot be reached); licence: CC0" in lines[0]


def test_notes_of_two_sources_share_a_folder(web: str, data: Path, run: Run) -> None:
    second = source(f"{web}/a.txt", name="second", file="b.txt")
    run(source(f"{web}/a.txt"), second)
    (data / "set/b.txt").unlink()
    run(second)
    note = (data / "set/NOTE.md").read_text()
    assert [line for line in note.splitlines() if line.startswith("#")] == ["# set", "# second"]


def test_only_the_named_source(web: str, data: Path, run: Run) -> None:
    both = source(f"{web}/a.txt"), source(f"{web}/a.txt", name="second", file="b.txt")
    assert run(*both, arguments=("--only", "second"))[0] == 0
    assert held(data) == {"set/b.txt", "set/NOTE.md"}


def test_the_list_shows_licence_size_and_state(web: str, data: Path, run: Run) -> None:
    both = source(f"{web}/a.txt"), source(f"{web}/a.txt", name="second", file="b.txt")
    run(both[0])
    status, lines = run(*both, arguments=("--list",))
    assert status == 0
    assert lines[0] == f"{data}:"
    assert "set: there; about 1 MB to fetch" in lines
    assert "second: set/b.txt is missing; about 1 MB to fetch" in lines
    assert lines.count("  licence: CC0") == 2


def test_files_that_a_table_lists(web: str, tmp_path: Path, data: Path, run: Run) -> None:
    (tmp_path / "web/table.csv").write_text("a.txt,2,0\nc.txt,2,1\n")
    (tmp_path / "web/c.txt").write_bytes(b"!")

    def joined(files: Mapping[str, Path], made: Path) -> None:
        assert set(files) == {"table.csv", "a.txt", "c.txt"}
        copied({"a.txt": files["a.txt"]}, made)

    assert run(source(Way((Listed(f"{web}/table.csv"),), joined)))[0] == 0


def test_an_optional_file_that_cannot_be_had(web: str, data: Path, run: Run) -> None:
    way = Way((Url(f"{web}/a.txt"), Url(f"{web}/extra.txt", optional=True)), copied)
    with_extra = Source(name="set", files=("set/a.txt",), ways=(way,), extras=("set/extra.txt",), **FACTS)
    status, lines = run(with_extra)
    assert status == 0
    reason = f"{web}/extra.txt answers 404"
    assert lines[0] == f"data: set: set/extra.txt is left out: {reason}; no test reads it"


# --- nobody answers --------------------------------------------------------------------------------------------------


def test_without_a_network_each_source_has_one_line(data: Path, run: Run) -> None:
    dead = nobody()
    second = source(f"{dead}/a.txt", name="second", file="b.txt")
    status, lines = run(source(f"{dead}/a.txt"), second)
    host = dead.removeprefix("http://")
    assert lines == [
        f"data: set: left out: {host} cannot be reached; skipped without it: a test",
        f"data: second: left out: {host} cannot be reached; skipped without it: a test",
        f"data: 0 of 2 sources are in {data}",
    ]
    assert status == 1
    assert held(data) == set()


def test_one_that_cannot_be_reached_does_not_stop_the_others(web: str, data: Path, run: Run) -> None:
    second = source(f"{web}/a.txt", name="second", file="b.txt")
    status, lines = run(source(f"{nobody()}/a.txt"), second)
    assert status == 0
    assert lines[-1] == f"data: 1 of 2 sources are in {data}"
    assert held(data) == {"set/b.txt", "set/NOTE.md"}


def test_a_file_that_is_gone(web: str, data: Path, run: Run) -> None:
    status, lines = run(source(f"{web}/gone.txt"))
    assert status == 1
    assert lines[0] == f"data: set: left out: {web}/gone.txt answers 404; skipped without it: a test"


def test_a_busy_host_is_asked_again(
    web: str, tmp_path: Path, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "web/busy.txt").write_bytes(TEXT)
    asked.clear()
    monkeypatch.setattr(download, "PAUSES", ())
    assert f"{web}/busy.txt answers 429;" in run(source(f"{web}/busy.txt"))[1][0]
    asked.clear()
    monkeypatch.setattr(download, "PAUSES", (0,))
    assert run(source(f"{web}/busy.txt"))[0] == 0


def test_a_file_that_ends_early(web: str, data: Path, run: Run) -> None:
    status, lines = run(source(f"{web}/short.txt"))
    assert status == 1
    assert lines[0] == f"data: set: left out: {web}/short.txt ends early; skipped without it: a test"
    assert held(data) == set()


def test_no_npm(data: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    status, lines = run(source(Way((Npm("numbers@1.0.0", f"sha256:{SHA256}"),), copied)))
    assert status == 1
    assert "set: left out: numbers@1.0.0 from npm: npm is not on PATH; skipped" in lines[0]


def test_npm_gives_another_file(tmp_path: Path, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho other > numbers-1.0.0.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent), prepend=":")
    status, lines = run(source(Way((Npm("numbers@1.0.0", f"sha256:{SHA256}"),), copied)))
    assert status == 1
    assert "numbers@1.0.0 from npm has another sha256 than the one known; skipped" in lines[0]
    npm.write_text("#!/bin/sh\necho npm ERR! network down >&2\nexit 1\n")
    assert "numbers@1.0.0 from npm cannot be had (npm ERR! network down); skipped" in run(
        source(Way((Npm("numbers@1.0.0", f"sha256:{SHA256}"),), copied))
    )[1][0]  # fmt: skip


def test_nobody_waits_twice_for_a_silent_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_silent_hosts", {"example.org"})
    with pytest.raises(UnreachableError, match=r"^example\.org cannot be reached$"):
        Url("https://example.org/a.txt").fetch(tmp_path, download.progress_bars())


# --- something else comes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm, digest", [("sha256", "0" * 64), ("md5", "0" * 32)])
def test_another_hash_is_refused_and_deleted(web: str, data: Path, run: Run, algorithm: str, digest: str) -> None:
    status, lines = run(source(f"{web}/a.txt", hash=f"{algorithm}:{digest}"))
    assert status == 1
    reason = f"{web}/a.txt has another {algorithm} than its publisher states"
    assert lines[0] == f"data: set: left out: {reason}; skipped without it: a test"
    assert held(data) == set()


def test_another_content_is_refused(web: str, tmp_path: Path, data: Path, run: Run) -> None:
    (tmp_path / "web/a.txt").write_bytes(b"other numbers")
    status, lines = run(source(f"{web}/a.txt"))
    host = web.removeprefix("http://")
    assert status == 1
    reason = f"{host} gives something else: set/a.txt has another sha256"
    assert lines[0] == f"data: set: left out: {reason}; skipped without it: a test"
    assert held(data) == set()


def test_an_unreadable_file_is_refused(web: str, data: Path, run: Run) -> None:
    def unpacked(files: Mapping[str, Path], made: Path) -> None:
        gzip.decompress(files["a.txt"].read_bytes())

    status, lines = run(source(Way((Url(f"{web}/a.txt"),), unpacked)))
    assert status == 1
    assert "what came cannot be read (Not a gzipped file (b'so')); skipped without it: a test" in lines[0]


def test_a_table_may_not_name_files_elsewhere(web: str, tmp_path: Path, data: Path, run: Run) -> None:
    (tmp_path / "web/table.csv").write_text("../../a.txt\n")
    status, lines = run(source(Way((Listed(f"{web}/table.csv"),), copied)))
    assert status == 1
    assert "'../../a.txt' is not the name of a file" in lines[0]


# --- bad usage, a full disk, an interruption -------------------------------------------------------------------------


def test_an_unknown_name(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        fetch.main(["--only", "minst"])
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    names = ", ".join(each.name for each in SOURCES)
    assert last == f"make data: error: --only must be one of {names}, not 'minst'"


def test_a_full_disk(web: str, data: Path, run: Run) -> None:
    def full(files: Mapping[str, Path], made: Path) -> None:
        copied(files, made)
        raise OSError(errno.ENOSPC, "No space left on device", str(made / "set/a.txt"))

    status, lines = run(source(Way((Url(f"{web}/a.txt"),), full)))
    assert status == 1
    (line,) = lines
    assert line.endswith("set/a.txt: No space left on device")
    assert held(data) == set()


def test_a_disk_that_fills_while_downloading(web: str, data: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    status, lines = run(source(f"{web}/a.txt"))
    assert (status, lines) == (1, [f"data: {data}: No space left on device"])
    assert held(data) == set()


def test_a_folder_that_cannot_be_made(web: str, data: Path, run: Run) -> None:
    data.write_text("a file")
    status, lines = run(source(f"{web}/a.txt"))
    assert (status, lines) == (1, [f"data: {data}: File exists"])


def test_an_interruption_leaves_nothing_half_written(web: str, data: Path, run: Run) -> None:
    def interrupted(files: Mapping[str, Path], made: Path) -> None:
        copied(files, made)
        raise KeyboardInterrupt

    first = source(f"{web}/a.txt", name="first", file="b.txt")
    status, lines = run(first, source(Way((Url(f"{web}/a.txt"),), interrupted)))
    assert status == 130
    assert lines[-1] == "data: interrupted; what was complete stays, nothing is half-written"
    assert held(data) == {"set/b.txt", "set/NOTE.md"}
    assert not list(data.glob(f"{fetch.PREFIX}*"))


def test_what_a_killed_run_left_is_removed(web: str, data: Path, run: Run) -> None:
    (data / f"{fetch.PREFIX}x").mkdir(parents=True)
    assert run(source(f"{web}/a.txt"))[0] == 0
    assert not list(data.glob(f"{fetch.PREFIX}*"))


def test_two_at_once(web: str, data: Path, run: Run) -> None:
    data.mkdir()
    with FileLock(data / ".lock"):
        assert run(source(f"{web}/a.txt")) == (1, [f"data: another make data is at work in {data}"])
