"""Block RAMs and multipliers that Yosys finds for AMD's families in the Verilog as Vivado gets it."""

from __future__ import annotations

import re

import pytest
from tests.sw.export.conftest import Exported
from tests.sw.export.designs import SMALL
from tests.sw.export.folder import Folder
from tests.sw.export.instances import of_all_instances, registers

pytestmark = pytest.mark.slow

EXPECTED = [
    ("flat", "xc7", 7, 2),
    ("strips", "xc7", 13, 10),
    pytest.param("demo", "xc7", 58, 10, marks=pytest.mark.nightly),
    pytest.param("lenet", "xc7", 90, 10, marks=pytest.mark.nightly),
    pytest.param("resnet8", "xc7", 186, 56, marks=pytest.mark.nightly),
    pytest.param("flat", "xcup", 5, 2, marks=pytest.mark.nightly),
    pytest.param("strips", "xcup", 11, 10, marks=pytest.mark.nightly),
]
"""Design, family, RAMB18 (a RAMB36 counts twice), DSP48. A multiplier for each lane and column, for each column one or two that requantize,
and one more where it adds residuals; a block RAM at least for each memory that must not be made of gates."""


@pytest.mark.parametrize("design, family, bram, dsp", EXPECTED)
def test_memories_and_multipliers_are_found(exported: Exported, design: str, family: str, bram: int, dsp: int) -> None:
    folder = Folder(path=exported(design, "vivado"), design=design, home="images")
    found = folder.synthesised(family, whole=design in SMALL)
    assert (found.bram, found.dsp) == (bram, dsp)
    core = (folder.path / "rtl" / "zeroskip_core.v").read_text()
    assert of_all_instances(core, lambda body: len(re.findall(r'\.STYLE\("block"\)', body))) <= bram
    left = [kind for kind in found.cells if kind.startswith("$mem")]
    assert not left, "a memory found neither block RAM nor distributed RAM"
    if design in SMALL:
        assert 0 < found.ff <= of_all_instances(core, registers), "a memory was made of flip-flops"
