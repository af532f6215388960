"""What must hold of every exported folder, whatever the tool. Each check raises AssertionError that says what is wrong and where."""

from __future__ import annotations

import getpass
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from zeroskip.contracts.layout import Layout
from zeroskip.storage.design_folder import load

ROOTS = re.compile(r"(?<![\w.$/:>*-])/(?:home|work|tmp|root|usr|var|opt|mnt|Users)/[\w.]|\b[A-Z]:\\\w")
"""An absolute path of a Unix or Windows machine. ``https://…`` is none, and neither is a comment."""


def texts(folder: Path) -> dict[str, str]:
    """Every file that is text, by its path in the folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                found[path.relative_to(folder).as_posix()] = path.read_text()
            except UnicodeDecodeError:
                continue
    return found


def no_place_of_the_writer(folder: Path, *places: Path) -> None:
    """No text names home, the working directory, the repository, a temporary folder, the user, or one of ``places``."""
    here = {str(Path.home()), str(Path.cwd()), str(Path(__file__).parents[3]), tempfile.gettempdir(), *map(str, places)}
    forbidden = [place for place in here if len(place) > 1]
    user = getpass.getuser()
    for name, text in texts(folder).items():
        for number, line in enumerate(text.splitlines(), 1):
            found = next(
                (place for place in forbidden if re.search(rf"(?<![\w.]){re.escape(place)}(?![\w-])", line)), None
            )
            assert found is None, f"{name}:{number}: names {found}: {line.strip()[:200]}"
            assert not ROOTS.search(line), f"{name}:{number}: names a path from the root: {line.strip()[:200]}"
            assert len(user) < 5 or not re.search(rf"\b{re.escape(user)}\b", line), f"{name}:{number}: names the user"


def plain_words(path: Path, width: int) -> list[int]:
    """The words of a file of one hexadecimal number a line and nothing else: as strict as the strictest tool."""
    digits = (width + 3) // 4
    words = []
    content = path.read_bytes()
    assert content.endswith(b"\n"), f"{path.name}: lines must end with LF"
    assert b"\r" not in content, f"{path.name}: lines must end with LF alone"
    for number, line in enumerate(content.decode("ascii").split("\n")[:-1], 1):
        assert re.fullmatch(rf"[0-9a-f]{{{digits}}}", line), (
            f"{path.name}:{number}: must be {digits} digits, not {line!r}"
        )
        words.append(int(line, 16))
        assert words[-1] < 1 << width, f"{path.name}:{number}: has more than {width} bits"
    return words


def mif_words(path: Path, width: int) -> list[int]:
    """The words of a memory initialization file of Intel's, read by its keywords: every address once."""
    text = re.sub(r"--[^\n]*|%[^%]*%", " ", path.read_text())
    header, _, body = text.partition("CONTENT")
    fields = dict(re.findall(r"(\w+)\s*=\s*(\w+)\s*;", header))
    assert fields["WIDTH"] == str(width), f"{path.name}: WIDTH is {fields['WIDTH']}, not {width}"
    assert fields["ADDRESS_RADIX"] in ("UNS", "HEX"), f"{path.name}: {fields}"
    assert fields["DATA_RADIX"] == "HEX", f"{path.name}: {fields}"
    base = 16 if fields["ADDRESS_RADIX"] == "HEX" else 10
    words: dict[int, int] = {}
    inside = re.search(r"BEGIN(.*)END\s*;", body, re.DOTALL)
    assert inside, f"{path.name}: has no BEGIN … END;"
    for statement in filter(str.strip, inside[1].split(";")):
        where, _, data = (part.strip() for part in statement.partition(":"))
        span = re.fullmatch(r"\[(\w+)\.\.(\w+)\]", where)
        low, high = (int(one, base) for one in (span.groups() if span else (where, where)))
        for address in range(low, high + 1):
            assert address not in words, f"{path.name}: address {address} is given twice"
            words[address] = int(data, 16)
            assert words[address] < 1 << width, f"{path.name}: the word at {address} has more than {width} bits"
    assert sorted(words) == list(range(int(fields["DEPTH"]))), f"{path.name}: not every address of DEPTH has a word"
    return [words[address] for address in range(len(words))]


READERS = {".mem": plain_words, ".hex": plain_words, ".mif": mif_words}


def images_are_the_programs(folder: Path, design: Path, images: Mapping[str, Path] | None = None) -> None:
    """Each memory's file has the design's words, then zeros up to the memory's depth; there is no other file of that kind.

    images : file by memory name; by default ``<folder>/images/<name>.mem``
    """
    program = load(design).program
    memories = Layout(program.config).memories
    files = images or {memory.name: folder / "images" / f"{memory.name}.mem" for memory in memories}
    assert sorted(files) == sorted(memory.name for memory in memories)
    for memory in memories:
        words = program.images[memory.name]
        expected = [*words, *[0] * (memory.depth - len(words))]
        path = files[memory.name]
        got = READERS[path.suffix](path, memory.width)
        assert len(got) == memory.depth, f"{path.name}: has {len(got)} words, the memory {memory.depth}"
        wrong = [i for i, pair in enumerate(zip(got, expected, strict=True)) if pair[0] != pair[1]]
        assert not wrong, f"{path.name}: word {wrong[0]} is {got[wrong[0]]:#x}, not {expected[wrong[0]]:#x}"
    suffixes = {path.suffix for path in files.values()}
    others = {path for path in folder.rglob("*") if path.suffix in suffixes} - set(files.values())
    assert not others, f"no memory reads {', '.join(sorted(str(path.relative_to(folder)) for path in others))}"
