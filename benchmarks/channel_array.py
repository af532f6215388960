"""Area and clock of the array whose lanes own the input channels: ``python benchmarks/channel_array.py --help``.

The array is sized for ResNet-8 at 80 %, whose residuals it cannot run yet. So its memories hold random words: what is measured are lanes,
merge and all that stands around them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

from zeroskip.cli import tables
from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.layout import Layout
from zeroskip.synth import synthesise
from zeroskip_hw.channel_array import ChannelArray
from zeroskip_hw.emit.text import verilog_of
from zeroskip_hw.primitives.multiplier import ECP5
from zeroskip_hw.top import Top

TARGET = "ecp5-85k"
TOP = "zeroskip_core"
LANE_AND_MERGE = r"_(lane|merge)([(#].*)?$"
BY_LANE = {4: (4000, 620, 600, 1072), 8: (2000, 310, 330, 540)}
"""Weights, mask words, taps and hidden addresses of one lane."""


def layout_of(lanes: int, columns: int, *, block_queue: bool) -> Layout:
    weights, masks, taps, hidden = BY_LANE[lanes]
    height = -(-32 // columns)
    config = ArrayConfig(
        lanes=lanes, columns=columns, strips=True, maximum=False, residual=True, slopes=False, table_depth=0, acc_bits=20,
        mask_depth=masks, weight_depth=weights, input_depth=128, hidden_depth=hidden, output_depth=10,
        row_depth=448, layer_depth=12, offset_depth=1, band_depth=6 * height, pass_depth=24, input_band_depth=32,
        input_pass_depth=8,
    )  # fmt: skip
    return Layout(config, tap_depth=taps, tile_bits=(32 * height - 1).bit_length(), block_queue=block_queue)


def export(layout: Layout, folder: Path) -> None:
    """A folder such as ``synthesise`` reads."""
    for name in ("rtl", "images"):
        (folder / name).mkdir(parents=True)
    (folder / "rtl" / "zeroskip_core.v").write_text(verilog_of(Top(layout, ChannelArray), TOP, ECP5))
    shutil.copy(Path(sys.modules["zeroskip_hw"].__path__[0]) / "verilog" / "zs_ram.v", folder / "rtl")
    rng = Random(1)
    for memory in layout.memories:
        words = (f"{rng.getrandbits(memory.width):x}" for _ in range(memory.depth))
        (folder / "images" / f"{memory.name}.mem").write_text("\n".join(words))
    (folder / "manifest.json").write_text(json.dumps({"verilog": {"top": TOP, "clock": "clk"}}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, choices=sorted(BY_LANE), default=4, help="4 by default")
    parser.add_argument("--columns", type=int, choices=(1, 8), default=8, help="8 by default")
    parser.add_argument(
        "--queue-in-luts", action="store_true", help="the lanes' sums wait in look-up tables, not in block RAM"
    )
    parser.add_argument("--seeds", type=int, default=1, help="placements, 1 by default; each takes 5 to 20 minutes")
    options = parser.parse_args()
    layout = layout_of(options.lanes, options.columns, block_queue=not options.queue_in_luts)
    with tempfile.TemporaryDirectory() as name, tables.progress() as progress:
        export(layout, Path(name) / "design")
        report = synthesise(
            Path(name) / "design", TARGET, seeds=range(1, options.seeds + 1), keep=LANE_AND_MERGE, progress=progress
        )
    rows = [(module, str(area)) for module, area in report.modules.items()]
    tables.out.print(
        tables.pairs([(f"{options.lanes} × {options.columns}", "ResNet-8's sizes"), *report.rows(), *rows])
    )


if __name__ == "__main__":
    main()
