"""Single faults of the hardware's source: one operator, constant, condition or value of what is assigned or asked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPPED: dict[type[ast.AST], str] = {
    ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "|", ast.Add: "-", ast.Sub: "+", ast.LShift: ">>", ast.RShift: "<<",
    ast.Eq: "!=", ast.NotEq: "==", ast.Lt: ">=", ast.LtE: ">", ast.Gt: "<=", ast.GtE: "<",
}  # fmt: skip
CONDITIONS = {"If", "Elif"}


@dataclass(frozen=True, order=True)
class Fault:
    """path : of the file, below the package; line, column : where, in bytes; old, new : the text, and what takes its place"""

    path: str
    line: int
    column: int
    old: str
    new: str

    @property
    def name(self) -> str:
        """Stays the same while the line moves."""
        return f"{self.path}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"

    def applied(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        begin = len("".join(lines[: self.line - 1])) + len(lines[self.line - 1].encode()[: self.column].decode())
        assert source[begin : begin + len(self.old)] == self.old
        return source[:begin] + self.new + source[begin + len(self.old) :]


def faults(root: Path, path: Path) -> list[Fault]:
    """All faults of a file, each a different text."""
    source = path.read_text()
    name = path.relative_to(root).as_posix()
    found = set()
    for node in ast.walk(ast.parse(source)):
        for place, new in _of(source, node):
            old = ast.get_source_segment(source, place)
            if old is not None and old != new:
                found.add(Fault(name, place.lineno, place.col_offset, old, new))
    return sorted(found)


def _of(source: str, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Where ``node`` is an assignment or a condition: (expression, what it becomes)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or len(node.args) != 1:
        return
    value = node.args[0]
    if isinstance(value, ast.Starred):
        return
    if node.func.attr == "eq":
        yield value, "0"
    elif node.func.attr in CONDITIONS:
        yield value, "1"
        yield value, "0"
    else:
        return
    for inner in ast.walk(value):
        yield from _changed(source, inner)


def _changed(source: str, node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    def text(part: ast.expr) -> str:
        return f"({ast.get_source_segment(source, part)})"

    if isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        yield node, f"({text(node.left)} {SWAPPED[type(node.op)]} {text(node.right)})"
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPPED:
        yield node, f"({text(node.left)} {SWAPPED[type(node.ops[0])]} {text(node.comparators[0])})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield node, text(node.operand)
    elif (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Mux" and len(node.args) == 3
    ):
        condition, yes, no = map(text, node.args)
        yield node, f"Mux({condition}, {no}, {yes})"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("any", "all"):
        other = "all" if node.func.attr == "any" else "any"
        yield node, f"{text(node.func.value)}.{other}()"
