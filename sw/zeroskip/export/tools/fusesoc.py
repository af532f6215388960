"""For FuseSoC: a core that other cores can depend on, with targets that simulate, lint, and synthesise it with the open tools for ECP5."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from zeroskip.contracts import macros
from zeroskip.contracts.registers import VERSION_RESET
from zeroskip.export.bundle import Bundle
from zeroskip.export.template import render

PARTS = r"LFE5U(?:-(?:12|25|45|85)F-[678]|M-(?:25|45|85)F-[678]|M5G-(?:25|45|85)F-8)(?:TG144|BG256|MG285|BG381|BG554|BG756)[CI]"
EXAMPLE = "LFE5UM5G-85F-8BG756C"
"""Has pins for every port of the largest array."""
PACKAGES = {"TG": "TQFP", "BG": "CABGA", "MG": "CSFBGA"}

WAIVED = ("WIDTH", "CASEOVERLAP", "UNUSEDSIGNAL", "DECLFILENAME")
"""Verilator's warnings that generated code may raise; docs/04-developer.md says why each is harmless."""
SIMULATORS = ("icarus", "verilator")
VERILOG = "verilogSource-2005"

Core = dict[str, Any]


def files(bundle: Bundle) -> dict[str, bytes | str]:
    """``<name>.core``, and what it names. In FuseSoC's work root images and vectors lie where the Verilog looks for them."""
    from zeroskip.export.bench import bench_files, testbench  # the reference is computed by PyTorch

    verilog = {f"rtl/{name}": text for name, text in bundle.verilog().items()}
    images = bundle.plain_images()
    bench = testbench(bundle)
    simulated = bench_files(bench, images)
    core = _core(bundle, verilog, images, simulated)
    text = "CAPI=2:\n" + yaml.safe_dump(core, sort_keys=False, width=110, allow_unicode=True)
    return {
        **verilog, **images, **simulated, f"{bundle.name}.core": text,
        "from_pypi.sh": render("fusesoc/from_pypi.sh"), "yosys_tcl.tcl": render("fusesoc/yosys_tcl.tcl"),
        "README.md": render(
            "fusesoc/README.md.j2", bundle=bundle, vlnv=core["name"], short=core["name"].rpartition(":")[0], samples=bench.samples,
        ),
    }  # fmt: skip


def _core(bundle: Bundle, verilog: Iterable[str], images: Iterable[str], bench: Iterable[str]) -> Core:
    major, minor = VERSION_RESET >> 16, VERSION_RESET & 0xFFFF
    vectors = [name for name in bench if name.startswith("vectors/")]
    parameters = ["AUTOSTART", macros.NO_IMAGES]
    part = bundle.part or EXAMPLE
    top = bundle.sidecar["top"]
    return {
        "name": f"zeroskip::{bundle.name}:{major}.{minor}",
        "description": f"Sparse neural network accelerator {bundle.name}: AXI4-Stream in and out, registers at AXI4-Lite",
        "filesets": {
            "rtl": {"files": list(verilog), "file_type": VERILOG},
            "images": _copied(images),
            "bench": {"files": [name for name in bench if name.endswith(".v")], "file_type": VERILOG},
            "vectors": _copied(vectors),
        },
        "parameters": {
            "AUTOSTART": {
                "datatype": "int", "paramtype": "vlogparam", "default": 0,
                "description": "1: the array starts by itself after reset",
            },
            macros.NO_IMAGES: {
                "datatype": "bool", "paramtype": "vlogdefine",
                "description": "Leave all memories unset; a host loads them through the register port. Leave it out to read the images",
            },
            macros.ECP5: {
                "datatype": "bool", "paramtype": "vlogdefine",
                "description": "The ECP5's own multipliers, with their registers; only for synthesis by Yosys",
            },
            macros.STATUS: {
                "datatype": "bool", "paramtype": "vlogdefine", "default": True,
                "description": "A simulation that finds a difference ends with an error",
            },
            "pauses": {
                "datatype": "int", "paramtype": "plusarg",
                "description": "Pause both streams at random, by this seed; latency and interval are then not compared",
            },
        },
        "targets": {
            "default": {"filesets": ["rtl", "images"], "toplevel": top, "parameters": list(parameters)},
            **_simulations(),
            "lint": {
                "description": "Verilator's warnings, all but those of generated code",
                "flow": "lint", "filesets": ["rtl", "images"], "toplevel": top, "parameters": list(parameters),
                "flow_options": {"tool": "verilator", "verilator_options": ["-Wall", *(f"-Wno-{name}" for name in WAIVED)]},
            },
            "synth": {
                "description": f"Bitstream of the bare core for {part}, with yosys, nextpnr-ecp5 and ecppack; pins are the tool's choice",
                "flow": "trellis", "filesets": ["rtl", "images"], "toplevel": top, "parameters": [*parameters, f"{macros.ECP5}=true"],
                "flow_options": {
                    "yosys_synth_options": ["-abc9"],
                    "nextpnr_options": [
                        *_device(part), "--freq", f"{bundle.clock:g}", "--lpf-allow-unconstrained", "--report", "report.json",
                    ],
                },
            },
        },
    }  # fmt: skip


def _simulations() -> Core:
    """The target ``sim``, once for each simulator. FuseSoC takes the one whose condition holds: by default the first."""
    options: dict[str, Core] = {
        "icarus": {"iverilog_options": ["-g2012"]},
        "verilator": {
            "mode": "binary",
            "verilator_options": [
                "--timing", "-CFLAGS", "-std=c++20", "-j", "0", "--x-initial", "unique", "-Wno-WIDTH", "-Wno-CASEOVERLAP",
            ],
            "run_options": ["+verilator+rand+reset+2", "+verilator+seed+1"],
        },
    }  # fmt: skip
    conditions = {"icarus": "!tool_verilator ? (sim)", "verilator": "tool_verilator ? (sim)"}
    return {
        conditions[tool]: {
            "description": "Testbench with samples: outputs, registers and every count of cycles",
            "flow": "sim", "filesets": ["bench", "rtl", "images", "vectors"], "toplevel": "testbench",
            "parameters": [macros.STATUS, "pauses"], "flow_options": {"tool": tool, **options[tool]},
        }
        for tool in SIMULATORS
    }  # fmt: skip


def _copied(names: Iterable[str]) -> Core:
    return {"files": [{name: {"copyto": name}} for name in names], "file_type": "user"}


def _device(part: str) -> list[str]:
    """nextpnr-ecp5's options for a part: LFE5UM5G-85F-8BG756C is --um5g-85k, --speed 8, --package CABGA756."""
    found = re.fullmatch(r"LFE5U(M5G|M)?-(\d+)F-(\d)([A-Z]{2})(\d+)[CI]", part)
    assert found is not None, part
    family, size, speed, kind, pins = found.groups()
    prefix = f"{family.lower()}-" if family else ""
    return [f"--{'u' if prefix else ''}{prefix}{size}k", "--speed", speed, "--package", f"{PACKAGES[kind]}{pins}"]
