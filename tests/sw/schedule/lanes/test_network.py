"""Plans on lanes that own channels: what they compute is the network, for every network and every array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.any_image_network import describe, image_inputs, image_networks
from tests.sim.image_cases import CASES, case
from tests.sim.image_model import tensors

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.lanes.network import plan

from .array import Array


def require_computed(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int, seed: int) -> None:
    given = prepared(network)
    placed = plan(network, lanes, columns, epilogues)
    x = image_inputs(np.random.default_rng(seed), network, 1)
    wanted = tensors(given, x)[given.output_name][0].transpose(1, 2, 0).reshape(-1)
    found = Array(given, placed, columns).run(x.reshape(given.shapes[INPUT]))
    np.testing.assert_array_equal(found, wanted, f"{lanes} × {columns}, seed {seed}\n{describe(given)}")


@settings(max_examples=150, deadline=None)
@given(image_networks(), st.integers(1, 12), st.integers(1, 16), st.sampled_from([1, 2, 4]), st.integers(0, 2**31))
def test_any_network(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int, seed: int) -> None:
    require_computed(network, lanes, columns, epilogues, seed)


@pytest.mark.parametrize("columns", [1, 3, 8])
@pytest.mark.parametrize("name", CASES)
def test_cases(name: str, columns: int) -> None:
    require_computed(case(name), 4, columns, 2, 0)


@settings(max_examples=60, deadline=None)
@given(image_networks(), st.integers(1, 12), st.integers(1, 16), st.sampled_from([1, 2, 4]))
def test_shares_are_the_layer(network: QuantizedNetwork, lanes: int, columns: int, epilogues: int) -> None:
    """Every row is in one bundle, every weight in one lane; a lane's rows stand in the order of the bundles and none is empty."""
    placed = plan(network, lanes, columns, epilogues)
    for layer, owned in zip(prepared(network).layers, placed.layers, strict=True):
        order = [row for bundle in owned.bundles for row in bundle.rows]
        assert sorted(order) == list(range(layer.outputs))
        kept = np.zeros(layer.outputs, dtype=int)
        for share in owned.shares:
            assert share.mask.any(axis=1).all()
            assert [row for row in order if row in set(share.rows.tolist())] == share.rows.tolist()
            np.add.at(kept, share.rows, np.count_nonzero(share.weight, axis=1))
        if not owned.across:
            assert (kept == np.count_nonzero(layer.weight, axis=(1, 2, 3))).all()
