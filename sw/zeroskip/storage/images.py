"""Memory images on disk: ``write`` and ``read`` for .mem, .hex, .coe, .mif and .bin.

An image is ``width`` bits per word and a sequence of non-negative integers, word 0 at address 0, without gaps. Every
format gives the same bytes for the same words, with LF line ends and no date; ``read`` returns exactly what ``write``
was given. Every path is replaced whole: a write that fails leaves the file that was there.

======  =========================================================================================================
.mem    ``$readmemh``: a line ``@0``, then one word per line, lower case, a fixed number of digits. The address line
        keeps Icarus from warning about a memory that is deeper than its image; IEEE 1364-2005 §17.2.9.
.hex    Intel HEX: each word padded to whole bytes, least significant byte at the lowest byte address, so word ``i``
        lies at byte ``i * ceil(width / 8)``; 16 bytes a record, extended linear addresses above 64 KiB.
.coe    AMD/Xilinx block memory coefficients, radix 16.
.mif    Intel/Altera memory initialization file, hexadecimal address and data.
.bin    raw: each word padded to whole bytes, least significant byte first.
======  =========================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from pathlib import Path
from typing import SupportsIndex

from zeroskip.contracts.errors import ImageError, InputError

from . import image_text as text
from .atomic import write_bytes


def write(path: str | Path, words: Iterable[SupportsIndex], width: int, format: str | None = None) -> None:
    """Write ``words`` (each 0 … 2**width - 1) as one file, whole or not at all.

    words : integers, numpy's included
    width : bits per word, at least 1
    format : ``"mem"``, ``"hex"``, ``"coe"``, ``"mif"`` or ``"bin"``; by default the path's suffix

    Refuses with InputError an unknown format, a bad width, a word that does not fit, an empty image in
    .coe or .mif, and an unwritable path.
    """
    path = Path(path)
    encode = _WRITERS[_format_of(path, format)]
    _check_width(path, width)
    write_bytes(encode(_checked(path, words, width), width, str(path)), path)


def read(path: str | Path, width: int, format: str | None = None) -> list[int]:
    """Read the words (``width`` bits each) of an image, from address 0.

    It reads more than :func:`write` makes: comments, several words on a line, other radices and, in .mif, address ranges.
    A gap between addresses is refused, and so is an unknown (x or z) digit.

    Raises ImageError, naming file, line (word in .bin) and rule, for a file that is missing or breaks its format's rules;
    InputError for an unknown format or a bad width.
    """
    path = Path(path)
    decode = _READERS[_format_of(path, format)]
    _check_width(path, width)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read: {error.strerror}") from error
    return decode(data, width, str(path))


def require_formats(names: Iterable[str]) -> None:
    """Refuse names that are no formats."""
    unknown = sorted(set(names) - set(FORMATS))
    if unknown:
        raise InputError(f"image format must be one of {', '.join(FORMATS)}, not {unknown[0]!r}")


def _format_of(path: Path, format: str | None) -> str:
    name = path.suffix[1:] if format is None else format
    if name not in _WRITERS:
        raise InputError(f"{path}: image format must be one of {', '.join(FORMATS)}, not {name!r}")
    return name


def _check_width(path: Path, width: object) -> None:
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise InputError(f"{path}: word width must be a positive integer, not {width!r}")


def _checked(path: Path, words: Iterable[SupportsIndex], width: int) -> list[int]:
    limit = 1 << width
    checked = []
    for position, word in enumerate(words):
        try:
            value = index(word)
        except TypeError:
            raise InputError(f"{path}: word {position} must be an integer, not {word!r}") from None
        if not 0 <= value < limit:
            raise InputError(f"{path}: word {position} must be 0 … 2**{width} - 1, not {value}")
        checked.append(value)
    return checked


def _to_bin(words: list[int], width: int, where: str) -> bytes:
    size = text.bytes_per_word(width)
    return b"".join(word.to_bytes(size, "little") for word in words)


def _from_bin(data: bytes, width: int, where: str) -> list[int]:
    return text.from_bytes(data, width, lambda word: f"{where}: word {word}")


_WRITERS: dict[str, Callable[[list[int], int, str], bytes]] = {
    "mem": text.to_mem,
    "hex": text.to_hex,
    "coe": text.to_coe,
    "mif": text.to_mif,
    "bin": _to_bin,
}
_READERS: dict[str, Callable[[bytes, int, str], list[int]]] = {
    "mem": text.from_mem,
    "hex": text.from_hex,
    "coe": text.from_coe,
    "mif": text.from_mif,
    "bin": _from_bin,
}
FORMATS = tuple(_WRITERS)
"""Names of the formats, which are also the files' suffixes."""
