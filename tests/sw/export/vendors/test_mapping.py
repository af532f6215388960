"""Block RAMs and multipliers that Yosys finds for each vendor's family in the Verilog as the vendor's tool gets it."""

from __future__ import annotations

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import built
from tests.sw.export.folder import Folder
from tests.sw.export.instances import of_all_instances, registers
from tests.sw.export.vendors.projects import in_folder

from zeroskip.contracts.config import ArrayConfig
from zeroskip.storage.design_folder import load
from zeroskip.synth.estimate import Store, multipliers, stores

pytestmark = pytest.mark.slow

FAMILY = {"quartus": "cyclonev", "radiant": "nexus", "diamond": "ecp5", "gowin": "gowin"}
"""Yosys' family for a tool's example part."""

M10K_BITS, M10K_WIDTH = 10_240, 40
FEW_BITS = 16

COUNTS = {
    "flat": {"quartus": (0, 2), "radiant": (0, 2), "diamond": (0, 2), "gowin": (0, 2)},
    "strips": {"quartus": (20, 8), "radiant": (7, 10), "diamond": (7, 10), "gowin": (7, 8)},
    "demo": {"quartus": (27, 10), "radiant": (26, 10), "diamond": (26, 10), "gowin": (26, 10)},
    "lenet": {"quartus": (91, 10), "radiant": (82, 10), "diamond": (82, 10), "gowin": (82, 10)},
    "resnet8": {"quartus": (477, 56), "radiant": (186, 56), "diamond": (186, 56), "gowin": (186, 56)},
}
"""Block RAMs and multipliers by design and tool. Cyclone V's and Gowin's multipliers hold a requantization that takes two of Lattice's; Quartus'
``zs_ram.v`` has a memory for each part that can be written by itself."""

TRAINED_HERE = {"demo": 2}
"""Block RAMs more or less, where training differs a little from processor to processor and depths with it."""

CASES = [
    pytest.param(design, tool, marks=[] if design == "flat" else pytest.mark.nightly)
    for design, tools in COUNTS.items() for tool in tools
]  # fmt: skip


@pytest.mark.parametrize("design, tool", CASES)
def test_block_rams_and_multipliers_are_found(design: str, tool: str, exported: Exported) -> None:
    home = exported(design, tool)
    folder = Folder(path=home, design=design, verilog=tuple(in_folder(home)))
    found = folder.synthesised(FAMILY[tool])
    bram, dsp = COUNTS[design][tool]
    assert found.dsp == dsp
    assert abs(found.bram - bram) <= TRAINED_HERE.get(design, 0)
    config: ArrayConfig = load(built(design)).program.config
    assert config.lanes * config.columns < found.dsp <= multipliers(config)
    if tool in ("radiant", "diamond"):
        assert found.dsp == multipliers(config)
    core = (home / in_folder(home)[1]).read_text()
    allowed = of_all_instances(core, registers) + in_flip_flops(config, tool)
    assert found.ff <= allowed, "a memory was made of flip-flops"


def in_flip_flops(config: ArrayConfig, tool: str) -> int:
    """Bits of memories that Yosys makes of flip-flops: those of a few bits. On Cyclone V also those that fill less than a twentieth of their
    block RAMs, since its MLABs have no initial contents yet. Quartus' have."""

    def small(store: Store) -> bool:
        bits = store.width * store.depth
        return bits <= FEW_BITS or (tool == "quartus" and 20 * bits < M10K_BITS * -(-store.width // M10K_WIDTH))

    return sum(store.count * store.width * store.depth for store in stores(config) if small(store))
