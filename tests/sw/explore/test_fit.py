"""Lanes, columns and epilogues chosen for a part: what fits and is fastest, what is given, and what does not fit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.sim.image_cases import case
from tests.sim.networks import random_network
from torch import nn

import zeroskip as zs
from zeroskip.contracts.config import CHOSEN
from zeroskip.contracts.errors import CapacityError, InputError
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.explore.fit import ROOM, fit
from zeroskip.schedule import predict, schedule
from zeroskip.synth import TARGETS, estimate

CONFIG = zs.ArrayConfig()
ECP5 = TARGETS["ecp5-25k"]


@pytest.fixture(scope="module")
def image() -> QuantizedNetwork:
    return case("two_readers_with_different_windows")


def test_the_choice_fits_and_none_that_was_tried_and_fits_is_faster(image: QuantizedNetwork) -> None:
    found = fit(image, ECP5, CONFIG)
    assert not found.chosen.over
    need = estimate(found.chosen.config, ECP5)
    assert need == found.chosen.need
    assert max(need.lut4, need.ff) <= ROOM * ECP5.available.lut4
    assert need.bram <= ECP5.available.bram
    assert need.dsp <= ECP5.available.dsp
    for other in found.candidates:
        assert other.over or other.per_sample >= found.chosen.per_sample
        plan = schedule(image, replace(CONFIG, **{name: getattr(other.config, name) for name in CHOSEN}))
        assert other.cycles == predict(plan)
        assert other.config == plan.config
    assert found.chosen.per_sample < fit(image, TARGETS["ice40-up5k"], CONFIG).chosen.per_sample


def test_what_is_given_stays(image: QuantizedNetwork) -> None:
    columns = fit(image, ECP5, replace(CONFIG, lanes=1), free=["columns"])
    assert {(found.config.lanes, found.config.epilogues) for found in columns.candidates} == {(1, 1)}
    epilogues = fit(image, ECP5, replace(CONFIG, lanes=2, columns=3), free=["epilogues"])
    assert {1, 2} <= {found.config.epilogues for found in epilogues.candidates}
    assert {shape(found.config)[:2] for found in epilogues.candidates} == {(2, 3)}
    none = fit(image, ECP5, replace(CONFIG, lanes=1, columns=3, epilogues=2), free=[])
    assert [shape(found.config) for found in none.candidates] == [(1, 3, 2)]


def shape(config: zs.ArrayConfig) -> tuple[int, ...]:
    return config.lanes, config.columns, config.epilogues


def test_several_epilogues_are_chosen_where_results_are_written_more_often_than_computed() -> None:
    network = case("depthwise_then_pointwise")
    chosen = fit(network, TARGETS["ecp5-85k"], CONFIG).chosen
    assert chosen.config.epilogues > 1
    one = predict(schedule(network, replace(CONFIG, lanes=chosen.config.lanes, columns=chosen.config.columns)))
    assert chosen.cycles.interval < one.interval


def test_columns_that_hold_samples_stay_as_given() -> None:
    network = random_network(np.random.default_rng(1), [64, 32, 10], 0.3, 8)
    found = fit(network, ECP5, replace(CONFIG, columns=2))
    assert {candidate.config.columns for candidate in found.candidates} == {2}
    assert found.chosen.per_sample == found.chosen.cycles.interval / 2


def test_nothing_fits() -> None:
    network = random_network(np.random.default_rng(1), [600, 600, 600], 1.0, 16)
    with pytest.raises(
        CapacityError,
        match=r"^ice40-up5k \(iCE40UP5K\): 1 lane × 1 column, 1 epilogue are the smallest array considered and do not fit by estimate:"
        r" needs .*\d+ block RAMs, available 30",
    ):
        fit(network, TARGETS["ice40-up5k"], replace(CONFIG, weight_bits=16, columns=1))


def test_what_is_given_does_not_fit(image: QuantizedNetwork) -> None:
    with pytest.raises(
        CapacityError,
        match=r"^ecp5-25k \(LFE5UM5G-25F\): 64 lanes × 16 columns, 1 epilogue do not fit by estimate: needs .*available",
    ):
        fit(image, ECP5, replace(CONFIG, lanes=64, columns=16), free=[])


def test_compile_for_a_part(tmp_path) -> None:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 5)).eval()
    x = torch.rand(8, 2, 8, 8)
    design = zs.compile(model, x[:1], calibration=x.numpy(), target="ecp5-25k")
    assert design.fit is not None
    chosen = design.fit.chosen.config
    assert design.config == chosen
    design.save(tmp_path / "design")
    report = json.loads((tmp_path / "design" / "report.json").read_text())
    assert report["fit"]["target"] == "ecp5-25k"
    assert report["fit"]["chosen"]["lanes"] == chosen.lanes
    assert report["fit"]["chosen"]["epilogues"] == chosen.epilogues
    assert len(report["fit"]["candidates"]) > 1
    assert zs.Design.load(tmp_path / "design").fit is None


def test_an_unknown_part() -> None:
    model, x = nn.Linear(4, 2).eval(), torch.rand(4, 4)
    with pytest.raises(InputError, match=r"^target must be one of ecp5-25k, .*, not 'virtex'$"):
        zs.compile(model, x[:1], calibration=x.numpy(), target="virtex")
