"""Texts of the exports, made from the templates beside this file."""

from __future__ import annotations

from typing import Any

from zeroskip.storage import template


def render(name: str, /, **values: Any) -> str:
    """The template ``templates/<name>`` with ``values`` filled in. Undefined names are errors."""
    return template.render("zeroskip.export", name, **values)
