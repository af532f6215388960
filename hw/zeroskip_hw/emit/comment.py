"""A component's docstring as the comment above its module."""

from __future__ import annotations

import inspect
import re

ASCII = {
    "×": "x", "·": "*", "…": "...", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "→": "->", "▸": ">", "’": "'", "µ": "u", "²": "^2",
}  # fmt: skip


def comment_of(component: object) -> str:
    """Lines that begin with ``//``: the docstring in ASCII, without its markup and its blank lines at the ends."""
    text = inspect.cleandoc(type(component).__doc__ or type(component).__name__)
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"\1", text)
    text = re.sub(r"``?([^`]*)``?", r"\1", text)
    text = re.sub(r"^(\w[\w ]*)\n-{3,}$", r"\1:", text, flags=re.MULTILINE)
    for character, plain in ASCII.items():
        text = text.replace(character, plain)
    text = text.encode("ascii", "replace").decode()
    return "".join(f"// {line}".rstrip() + "\n" for line in text.splitlines())
