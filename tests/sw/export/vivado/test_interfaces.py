"""The attributes by which IP Integrator finds the interfaces (UG994): every port in one, and what an interface needs with it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from tests.sw.export.designs import SMALL, built

from zeroskip.storage.design_folder import load

PORT = re.compile(
    r'\(\* X_INTERFACE_INFO = "(?P<vlnv>\S+) (?P<bus>\w+) (?P<logical>\w+)" \*\)\s*'
    r'(?:\(\* X_INTERFACE_PARAMETER = "(?P<parameters>[^"]+)" \*\)\s*)?'
    r"(?P<direction>input|output)\s+wire\s+(?:\[(?P<high>\d+):0\]\s+)?(?P<name>\w+)"
)

AXIS, AXIMM = "xilinx.com:interface:axis:1.0", "xilinx.com:interface:aximm:1.0"
CLOCK, RESET = "xilinx.com:signal:clock:1.0", "xilinx.com:signal:reset:1.0"
"""Bus definitions as UG994 and Vivado's language templates write them."""

FOLLOWS = {"AWADDR", "AWPROT", "AWVALID", "WDATA", "WSTRB", "WVALID", "BREADY", "ARADDR", "ARPROT", "ARVALID", "RREADY"}
LEADS = {"AWREADY", "WREADY", "BRESP", "BVALID", "ARREADY", "RDATA", "RRESP", "RVALID"}
"""Inputs and outputs of an AXI4-Lite slave: all that the interface has."""


@pytest.fixture(params=SMALL)
def wrapper(request: pytest.FixtureRequest) -> Path:
    return built(request.param) / "rtl" / "zeroskip.v"


def test_every_port_is_in_an_interface_and_as_wide_as_the_sidecar_says(wrapper: Path) -> None:
    found = [match.groupdict() for match in PORT.finditer(wrapper.read_text())]
    declared = [(one["name"], one["direction"], int(one["high"] or 0) + 1) for one in found]
    ports = load(wrapper.parents[1]).sidecar["ports"]
    assert declared == [(port["name"], port["direction"], port["width"]) for port in ports]
    assert len(re.findall(r"^\s*(?:input|output)\b", wrapper.read_text(), re.M)) == len(ports)


def test_interfaces_have_the_signals_and_directions_of_their_definition(wrapper: Path) -> None:
    buses: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for match in PORT.finditer(wrapper.read_text()):
        signals = buses[match["vlnv"], match["bus"]]
        assert match["logical"] not in signals
        signals[match["logical"]] = match["direction"]
        assert match["name"] in (match["bus"], f"{match['bus']}_{match['logical'].lower()}")
    assert buses == {
        (CLOCK, "clk"): {"CLK": "input"},
        (RESET, "rst"): {"RST": "input"},
        (AXIS, "s_axis"): {"TDATA": "input", "TVALID": "input", "TREADY": "output", "TLAST": "input"},
        (AXIS, "m_axis"): {
            "TDATA": "output",
            "TKEEP": "output",
            "TVALID": "output",
            "TREADY": "input",
            "TLAST": "output",
        },
        (AXIMM, "s_axil"): {**dict.fromkeys(FOLLOWS, "input"), **dict.fromkeys(LEADS, "output")},
    }


def test_clock_reset_and_protocol_are_stated(wrapper: Path) -> None:
    """The clock names every bus, without which IP Integrator refuses to validate, and the reset is active high, which is not its default."""
    stated = {
        match["name"]: dict(pair.split(" ") for pair in match["parameters"].split(", "))
        for match in PORT.finditer(wrapper.read_text())
        if match["parameters"]
    }
    assert stated == {
        "clk": {"ASSOCIATED_BUSIF": "s_axis:m_axis:s_axil", "ASSOCIATED_RESET": "rst"},
        "rst": {"POLARITY": "ACTIVE_HIGH"},
        "s_axil_awaddr": {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32"},
    }


def test_the_wrapper_is_readable(wrapper: Path) -> None:
    """Verilog-2001 with a header, a parameter and one instance; no line wider than an editor."""
    text = wrapper.read_text()
    assert text.isascii()
    assert text.startswith("// zeroskip: ")
    assert max(map(len, text.splitlines())) <= 140
    assert re.search(r"^    parameter AUTOSTART = 0$", text, re.M)
    assert not re.search(
        r"\b(logic|always_ff|always_comb|import|interface|reg)\b", re.sub(r"//.*|\(\*.*?\*\)", "", text)
    )
    assert len(re.findall(r"^    \w+ core \($", text, re.M)) == 1
