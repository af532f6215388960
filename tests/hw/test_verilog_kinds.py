"""The Verilog has one module for each kind of component: its length does not grow with the lanes, and a person can read it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out
from tests.hw.bench import FULL, layout_of

from zeroskip.contracts.layout import Layout
from zeroskip_hw.emit.kinds import emitted
from zeroskip_hw.emit.text import verilog_of
from zeroskip_hw.lane.lane import Lane
from zeroskip_hw.primitives.ram import Ram
from zeroskip_hw.top import Top
from zeroskip_hw.verilog import CORE

MORE = 1.1
"""Lines of 32 lanes, as a multiple of those of 4."""


def layout(lanes: int, epilogues: int = 2) -> Layout:
    """The same activations in all lanes together, however many these are."""
    sizes = {"columns": 4, "word": 32, "stream_bits": 32, "epilogues": epilogues, "load_elements": 2}
    return layout_of(lanes=lanes, hidden_depth=2048 // lanes, **sizes, **FULL)


@cache
def text_of(lanes: int, epilogues: int = 2) -> str:
    return verilog_of(Top(layout(lanes, epilogues)), CORE)


def ports_of(text: str, module: str) -> list[str]:
    header = re.search(rf"^module {module} (?:#\(.*?\) )?\((.*?)^\);", text, re.MULTILINE | re.DOTALL)
    assert header is not None
    return re.findall(r"(\w+),?$", header[1], re.MULTILINE)


def test_eight_times_the_lanes_are_hardly_more_text() -> None:
    few, many = (text_of(lanes, epilogues=1).count("\n") for lanes in (4, 32))
    assert few < many <= MORE * few


def test_modules_are_those_of_fewer_lanes() -> None:
    two, five = (set(re.findall(r"^module (\w+)", text_of(lanes), re.MULTILINE)) for lanes in (2, 5))
    assert two == five
    instances = re.findall(r"^  zs_lane #\(.*\) (\w+) \($", text_of(5), re.MULTILINE)
    assert instances == [f"lane{number:02}" for number in range(5)]


def test_every_module_says_what_it_does() -> None:
    text = text_of(2)
    modules = re.findall(r"^module", text, re.MULTILINE)
    assert len(re.findall(r"^// .*\nmodule|^//(?: .*)?\n(?=module)", text, re.MULTILINE)) == len(modules)
    assert ":class:" not in text
    assert "``" not in text


def test_ports_have_their_names_in_their_order() -> None:
    text = text_of(2)
    assert not re.findall(r"\bport_\d+", text)
    lane: Any = emitted(Lane(layout(2), 0), "lane", "verilog").kinds["lane"].component
    members = ["__".join(map(str, path)) for path, *_ in lane.signature.flatten(lane)]
    plain = [port.removesuffix("_") for port in ports_of(text, "zs_lane")]
    assert plain == ["clk", "rst", *members]


def test_lanes_differ_in_what_they_are_given_alone() -> None:
    """Only the first of them is elaborated; any other would have been the same."""
    first, last = (emitted(Lane(layout(3), number), "lane", "verilog").text for number in (0, 2))
    assert first == last


class Inner(Component):
    """Adds ``step``."""

    def __init__(self, step: int) -> None:
        self._step = step
        super().__init__({"a": In(4), "total": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.total.eq(self.a + self._step)
        return m


class Outer(Component):
    """Two that are alike, and one that is not."""

    def __init__(self) -> None:
        super().__init__({"a": In(4), "total": Out(4), "word": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        value: Any = self.a
        for name, step in (("first", 1), ("second", 1), ("other", 2)):
            m.submodules[name] = inner = Inner(step)
            m.d.comb += inner.a.eq(value)
            value = inner.total
        m.submodules.ram = ram = Ram(width=4, depth=4, image="words")
        late = Signal(4)
        m.d.sync += late.eq(value)
        m.d.comb += [
            ram.read_address.eq(self.a),
            ram.read_enable.eq(1),
            self.word.eq(ram.read_data),
            self.total.eq(late),
        ]
        return m


def test_a_module_for_each_kind() -> None:
    text = verilog_of(Outer(), "outer")
    assert re.findall(r"^module (\w+)", text, re.MULTILINE) == ["outer", "zs_inner_first", "zs_inner_other"]
    instances = re.findall(r"^  (\w+) (?:#\(.*\) )?(\w+) \(\n(.*)$", text, re.MULTILINE)
    no_write = ", ".join(f".write_{name}" for name in ("enable(1'h0)", "address(2'h0)", "data(4'h0)"))
    assert instances[:3] == [
        ("zs_inner_first", "first", "    .a(a), .total(first__total)"),
        ("zs_inner_other", "other", "    .a(second__total), .total(other__total)"),
        ("zs_ram", "ram", f"    .clk(clk), {no_write}, .read_enable(1'h1), .read_address(a[1:0]),"),
    ]
    assert '.IMAGE("images/words.mem")' in text
    assert ports_of(text, "outer") == ["clk", "rst", "a", "total", "word"]
    assert ports_of(text, "zs_inner_first") == ["a", "total"]
    assert "// Adds step.\nmodule zs_inner_first (" in text


class Peeping(Component):
    """Reads a wire in the component beside it."""

    def __init__(self) -> None:
        super().__init__({"a": In(4), "total": Out(4)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.inner = inner = Holding()
        m.d.comb += [inner.a.eq(self.a), self.total.eq(inner.held)]
        return m


class Holding(Component):
    """Holds what it is given."""

    def __init__(self) -> None:
        super().__init__({"a": In(4)})
        self.held = Signal(4)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += self.held.eq(self.a)
        return m


def test_only_ports_lead_from_one_component_to_another() -> None:
    with pytest.raises(ValueError, match=r"^Peeping reads \(sig held\) in Holding, which is none of its ports$"):
        verilog_of(Peeping(), "top")
