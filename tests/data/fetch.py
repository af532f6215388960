"""``make data``: fetches the real networks and data that the tests read, and checks them.

``python -m tests.data.fetch [--only NAME] [--list]`` writes into :func:`tests.data.folder.data_folder`. What is there and right stays.
Everything is made in a temporary folder beside it and moved into place when its sha256 is right, so nothing half-written has a final
name. Exit status: 0, also where a source cannot be reached as long as something could be had; 1 where a file was refused, the folder
cannot be written, or nothing could be had; 2 bad usage; 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout
from rich.progress import Progress
from tests.data.contents import NOTE, difference
from tests.data.convert.unreadable import unreadable_is_refused
from tests.data.download import progress_bars
from tests.data.failures import FailureError, RefusedError, UnreachableError
from tests.data.folder import data_folder
from tests.data.sources import SOURCES, Source, Way

PREFIX = ".fetch-"
"""Of the temporary folder; what an earlier run left behind when it was killed is removed."""


def main(arguments: Sequence[str] | None = None, sources: Sequence[Source] = SOURCES) -> int:
    parser = argparse.ArgumentParser("make data", description="Fetch the real networks and data that the tests read.")
    parser.add_argument("--only", metavar="NAME", action="append", help="only this source; may be repeated")
    parser.add_argument("--list", action="store_true", help="show sources, licences, sizes and what is there")
    options = parser.parse_args(arguments)
    known = {source.name: source for source in sources}
    if unknown := next((name for name in options.only or () if name not in known), None):
        parser.error(f"--only must be one of {', '.join(known)}, not {unknown!r}")
    chosen = [known[name] for name in options.only] if options.only else sources
    folder = data_folder()
    try:
        return show(chosen, folder) if options.list else fetch_all(chosen, folder)
    except KeyboardInterrupt:
        say("interrupted; what was complete stays, nothing is half-written")
        return 130
    except BrokenPipeError:  # nobody reads on, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Timeout:
        say(f"another make data is at work in {folder}")
        return 1
    except OSError as error:
        say(f"{error.filename or folder}: {error.strerror or error}")
        return 1


def fetch_all(sources: Sequence[Source], folder: Path) -> int:
    """The exit status. Each source's outcome is one line."""
    wanted = [source for source in sources if any(difference(folder, name) for name in source.files)]
    for source in sources:
        if source not in wanted:
            say(f"{source.name}: there")
    if not wanted:
        return 0
    refused, had = False, len(sources) - len(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock", timeout=0), progress_bars() as progress:
        for left in folder.glob(f"{PREFIX}*"):
            rmtree(left)
        for source in wanted:
            try:
                way, failures = fetch(source, folder, progress)
                had += 1
                instead = f" ({failures})" if failures else ""
                say(f"{source.name}: fetched from {way.downloads[0].where}{instead}; licence: {source.licence}")
            except FailureError as error:
                refused |= isinstance(error, RefusedError)
                say(f"{source.name}: left out: {error}; skipped without it: {source.needed_by}")
    say(f"{had} of {len(sources)} sources are in {folder}")
    return int(refused or not had)


def fetch(source: Source, folder: Path, progress: Progress) -> tuple[Way, str]:
    """The way that gave it, and why those before did not; raises RefusedError if one was refused, else UnreachableError."""
    failures: list[FailureError] = []
    for way in source.ways:
        with TemporaryDirectory(prefix=PREFIX, dir=folder) as temporary:
            try:
                make(source, way, Path(temporary), progress)
            except FailureError as error:
                failures.append(error)
                continue
            place(source, way, Path(temporary) / "made", folder)
            return way, joined(failures)
    kind = RefusedError if any(isinstance(error, RefusedError) for error in failures) else UnreachableError
    raise kind(joined(failures))


def joined(failures: Sequence[FailureError]) -> str:
    return "; ".join(dict.fromkeys(map(str, failures)))


def make(source: Source, way: Way, temporary: Path, progress: Progress) -> None:
    """``temporary/made`` with what the data folder shall have, complete and right."""
    downloaded, made = temporary / "downloaded", temporary / "made"
    downloaded.mkdir()
    made.mkdir()
    files: dict[str, Path] = {}
    for download in way.downloads:
        try:
            files |= download.fetch(downloaded, progress)
        except FailureError as error:
            if not download.optional:
                raise
            say(f"{source.name}: {', '.join(source.extras)} is left out: {error}; no test reads it")
    with unreadable_is_refused(way.downloads[0].where):
        way.convert(files, made)
    extras = [name for name in source.extras if (made / name).exists()]
    if wrong := next(filter(None, (difference(made, name) for name in (*source.files, *extras))), None):
        raise RefusedError(f"{way.downloads[0].where} gives something else: {wrong}")


def place(source: Source, way: Way, made: Path, folder: Path) -> None:
    """Move what was made into the data folder, each file at once."""
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        target = folder / path.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    note(source, way, folder / source.folder / NOTE)


def note(source: Source, way: Way, path: Path) -> None:
    """Source and licence, beside the data; a folder may hold several sets."""
    heading = f"# {source.name}\n"
    text = path.read_text() if path.exists() else ""
    others = [part for part in text.split("\n\n\n") if part.strip() and not part.startswith(heading)]
    lines = [heading, f"{source.title}.", "", f"Licence: {source.licence}.", "", "Fetched by `make data` from:", ""]
    lines += [f"- {getattr(download, 'address', download.where)}" for download in way.downloads]
    path.write_text("\n\n\n".join([*(part.strip() for part in others), "\n".join(lines)]) + "\n")


def show(sources: Sequence[Source], folder: Path) -> int:
    """What ``--list`` prints; the exit status."""
    print(f"{folder}:")
    for source in sources:
        wrong = next(filter(None, (difference(folder, name) for name in source.files)), None)
        print(f"\n{source.name}: {wrong or 'there'}; about {source.megabytes:g} MB to fetch")
        print(f"  {source.title}\n  licence: {source.licence}\n  needed by: {source.needed_by}")
        print(f"  from: {', else '.join(way.downloads[0].where for way in source.ways)}")
    return 0


def say(line: str) -> None:
    print(f"data: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
