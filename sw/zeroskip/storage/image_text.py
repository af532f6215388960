"""The text formats of memory images, as bytes; :mod:`zeroskip.storage.images` is their public face.

Every reader takes ``where``, the name of the file in its refusals.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator

import intelhex

from zeroskip.contracts.errors import ImageError, InputError

_RADIX_DIGITS = {2: "binary", 8: "octal", 10: "decimal", 16: "hexadecimal"}
_HEX_RULES: dict[type[Exception], str] = defaultdict(
    lambda: "its address record is malformed",
    {
        intelhex.HexRecordError: "a colon, then hexadecimal digits in pairs",
        intelhex.RecordLengthError: "its length must be as stated",
        intelhex.RecordTypeError: "its type must be 00 … 05",
        intelhex.RecordChecksumError: "its checksum must agree",
        intelhex.AddressOverlapError: "its addresses must be new",
        intelhex.EOFRecordError: "an end-of-file record holds no data",
    },
)
_MIF_RADICES = {"BIN": 2, "OCT": 8, "DEC": 10, "UNS": 10, "HEX": 16}


def bytes_per_word(width: int) -> int:
    """Whole bytes that hold ``width`` bits."""
    return (width + 7) // 8


def from_bytes(data: bytes, width: int, location: Callable[[int], str]) -> list[int]:
    """Cut little-endian words out of ``data``; ``location(word)`` names the place of a word."""
    size = bytes_per_word(width)
    count, rest = divmod(len(data), size)
    if rest:
        raise ImageError(f"{location(count)}: must have {size} bytes, not {rest}")
    words = [int.from_bytes(data[i * size : (i + 1) * size], "little") for i in range(count)]
    for position, word in enumerate(words):
        if word >> width:
            raise ImageError(f"{location(position)}: must fit {width} bits, not {word:#x}")
    return words


def to_mem(words: list[int], width: int, where: str) -> bytes:
    """Write ``words`` as $readmemh text."""
    return _join(["@0", *_hex_words(words, width)])


def from_mem(data: bytes, width: int, where: str) -> list[int]:
    """Read the words of $readmemh text."""
    words: list[int] = []
    for number, line in _lines(data, where):
        location = f"{where}:{number}"
        for token in line.split("//")[0].replace("_", "").split():
            if token.startswith("@"):
                address = _number(token[1:], 16, location)
                if address != len(words):
                    raise ImageError(f"{location}: address must go on at {len(words):#x}, not {address:#x}")
            else:
                words.append(_word(token, 16, width, location))
    return words


def to_coe(words: list[int], width: int, where: str) -> bytes:
    """Write ``words`` as AMD/Xilinx .coe text."""
    if not words:
        raise InputError(f"{where}: an empty image cannot be written as .coe")
    body = ",\n".join(_hex_words(words, width))
    return f"memory_initialization_radix=16;\nmemory_initialization_vector=\n{body};\n".encode()


def from_coe(data: bytes, width: int, where: str) -> list[int]:
    """Read the words of AMD/Xilinx .coe text."""
    words: list[int] = []
    radix: int | None = None
    in_vector, ended, number = False, False, 1
    for number, line in _lines(data, where):
        location = f"{where}:{number}"
        if line.lstrip().startswith(";") and not (in_vector and not ended):
            continue
        if not in_vector and (found := re.fullmatch(r"\s*memory_initialization_radix\s*=\s*(\d+)\s*;\s*", line, re.I)):
            radix = int(found[1])
            if radix not in (2, 10, 16):
                raise ImageError(f"{location}: radix must be 2, 10 or 16, not {radix}")
            continue
        if not in_vector and (found := re.match(r"\s*memory_initialization_vector\s*=", line, re.I)):
            in_vector, line = True, line[found.end() :]
        if not line.strip():
            continue
        if radix is None or not in_vector or ended:
            raise ImageError(
                f"{location}: must be a radix, then one vector that ends with ';', not {line.strip()[:40]!r}"
            )
        values, semicolon, after = line.partition(";")
        ended = bool(semicolon)
        words += [_word(token, radix, width, location) for token in values.replace(",", " ").split()]
        if after.strip():
            raise ImageError(f"{location}: nothing may follow the vector's ';', not {after.strip()[:40]!r}")
    if not ended:
        raise ImageError(f"{where}:{number}: the vector must end with ';'")
    return words


def to_mif(words: list[int], width: int, where: str) -> bytes:
    """Write ``words`` as Intel/Altera .mif text."""
    if not words:
        raise InputError(f"{where}: an empty image cannot be written as .mif")
    head = [f"WIDTH={width};", f"DEPTH={len(words)};", "ADDRESS_RADIX=HEX;", "DATA_RADIX=HEX;", "CONTENT BEGIN"]
    return _join([*head, *(f"{i:x} : {word};" for i, word in enumerate(_hex_words(words, width))), "END;"])


def from_mif(data: bytes, width: int, where: str) -> list[int]:
    """Read the words of Intel/Altera .mif text."""
    header = {"WIDTH": "", "DEPTH": "", "ADDRESS_RADIX": "HEX", "DATA_RADIX": "HEX"}
    words: list[int] = []
    depth, state, number = 0, "header", 1
    for number, line in _lines(data, where):
        location = f"{where}:{number}"
        line = re.sub(r"--.*|%[^%]*%", "", line).strip()
        if not line:
            continue
        if state == "header" and (found := re.fullmatch(r"(\w+)\s*=\s*(\w+)\s*;", line)) and found[1].upper() in header:
            header[found[1].upper()] = found[2].upper()
        elif state == "header" and re.fullmatch(r"CONTENT\s+BEGIN", line, re.I):
            depth, state = _number(header["DEPTH"], 10, f"{location}: DEPTH"), "content"
            if _number(header["WIDTH"], 10, f"{location}: WIDTH") != width:
                raise ImageError(f"{location}: WIDTH must be {width}, not {header['WIDTH']}")
            for key in ("ADDRESS_RADIX", "DATA_RADIX"):
                if header[key] not in _MIF_RADICES:
                    raise ImageError(f"{location}: {key} must be one of {', '.join(_MIF_RADICES)}, not {header[key]}")
        elif state == "content" and re.fullmatch(r"END\s*;", line, re.I):
            state = "end"
        elif state == "content" and (found := re.fullmatch(r"(?:\[(\w+)\.\.(\w+)\]|(\w+))\s*:\s*([^;]+);", line)):
            radix = _MIF_RADICES[header["ADDRESS_RADIX"]]
            first = _number(found[1] or found[3], radix, location)
            last = _number(found[2], radix, location) if found[2] else None
            values = [_word(v, _MIF_RADICES[header["DATA_RADIX"]], width, location) for v in found[4].split()]
            if first != len(words):
                raise ImageError(f"{location}: address must go on at {len(words):#x}, not {first:#x}")
            count = len(values) if last is None else last - first + 1
            if count < 1 or first + count > depth:
                raise ImageError(f"{location}: addresses must rise and stay below DEPTH, {depth}")
            words += [values[i % len(values)] for i in range(count)]
        else:
            raise ImageError(f"{location}: must be a {state} line of a .mif file, not {line[:40]!r}")
    if state != "end" or len(words) != depth:
        raise ImageError(f"{where}:{number}: must hold DEPTH={depth} words and END;, found {len(words)} words")
    return words


def to_hex(words: list[int], width: int, where: str) -> bytes:
    """Write ``words`` as Intel HEX text."""
    size = bytes_per_word(width)
    image = intelhex.IntelHex()
    image.puts(0, b"".join(word.to_bytes(size, "little") for word in words))
    out = io.StringIO(newline="\n")
    image.write_hex_file(out, write_start_addr=False, eolstyle="native", byte_count=16)
    return out.getvalue().replace("\r\n", "\n").encode()


def from_hex(data: bytes, width: int, where: str) -> list[int]:
    """Read the words of Intel HEX text."""
    lines = [(number, line) for number, line in _lines(data, where) if line]
    image = intelhex.IntelHex()
    try:
        image.loadhex(io.StringIO("\n".join(line for _, line in lines)))
    except intelhex.IntelHexError as error:
        number = lines[getattr(error, "line", len(lines)) - 1][0]
        raise ImageError(f"{where}:{number}: must be an Intel HEX record: {_HEX_RULES[type(error)]}") from None
    size = bytes_per_word(width)
    starts: list[tuple[int, int]] = []  # byte address and line of each data record
    upper, end, ended = 0, 0, False
    for number, line in lines:
        if ended:
            raise ImageError(f"{where}:{number}: nothing may follow the end-of-file record")
        record = bytes.fromhex(line[1:])
        kind, data = record[3], record[4:-1]
        ended = kind == 1
        if kind in (2, 4):
            upper = int.from_bytes(data, "big") << (16 if kind == 4 else 4)
        if kind == 0:
            address = upper + int.from_bytes(record[1:3], "big")
            if address != end:
                raise ImageError(f"{where}:{number}: address must go on at {end:#x}, not {address:#x}")
            starts.append((address, number))
            end += len(data)
    if not ended:
        raise ImageError(f"{where}:{lines[-1][0] if lines else 1}: must end with an end-of-file record")

    def location(word: int) -> str:
        return f"{where}:{max((n for a, n in starts if a <= word * size), default=1)}: word {word}"

    return from_bytes(image.tobinstr() if end else b"", width, location)


def _join(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _hex_words(words: list[int], width: int) -> list[str]:
    digits = (width + 3) // 4
    return [f"{word:0{digits}x}" for word in words]


def _lines(data: bytes, where: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.isascii():
            raise ImageError(f"{where}:{number}: must be ASCII text")
        if line or number == 1:
            yield number, line.decode().rstrip("\r")


def _number(token: str, radix: int, location: str) -> int:
    try:
        if not token.isalnum():
            raise ValueError
        return int(token, radix)
    except ValueError:
        raise ImageError(f"{location}: must be a {_RADIX_DIGITS[radix]} number, not {token[:40]!r}") from None


def _word(token: str, radix: int, width: int, location: str) -> int:
    value = _number(token, radix, location)
    if value >> width:
        raise ImageError(f"{location}: must fit {width} bits, not {token[:40]!r}")
    return value
