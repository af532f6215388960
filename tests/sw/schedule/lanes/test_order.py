"""Bundles of rows: all rows, once, in an order that the lanes and their memories can follow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.schedule.lanes.order import bundles


@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from([1, 2, 4]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_every_row_is_in_one_bundle(
    rows: int, lanes: int, epilogues: int, chained: bool, banked: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, 4, (rows, lanes))
    owners = np.eye(lanes, dtype=np.bool_)[generator.integers(0, lanes, rows)]
    chains = [list(range(first, rows, 3)) for first in range(3)] if chained else None
    fixed = generator.integers(0, epilogues, rows) if banked else None
    found = bundles(counts, owners, epilogues, chains, fixed=fixed)
    order = [row for bundle in found for row in bundle.rows]
    assert sorted(order) == list(range(rows))
    for bundle in found:
        mine = list(bundle.rows)
        assert 1 <= len(mine) == len(set(bundle.epilogues)) <= epilogues
        assert fixed is None or bundle.epilogues == tuple(fixed[mine])
        assert owners[mine].sum(axis=0).max() <= 1
        assert bundle.apart == bool(((counts[mine] > 0).sum(axis=0) <= 1).all())
        assert bundle.turns == (1 if bundle.apart else len(mine))
    for chain in chains or ():
        places = [order.index(row) for row in chain]
        assert places == sorted(places)


def test_rows_without_a_lane_in_common_go_together() -> None:
    counts = np.eye(4, dtype=np.intp).repeat(4, axis=0) * 3  # four depthwise rows in each of four lanes
    owners = np.eye(4, dtype=np.bool_).repeat(4, axis=0)
    found = bundles(counts, owners, 4)
    assert len(found) == 4
    assert all(bundle.apart and len(bundle.rows) == 4 for bundle in found)


def test_the_longest_lane_is_not_fed_first() -> None:
    counts = np.array([[9, 0], [9, 0], [0, 9], [0, 9]])
    order = [row for bundle in bundles(counts, np.zeros((4, 2), dtype=np.bool_), 1) for row in bundle.rows]
    assert {row // 2 for row in order[:2]} == {0, 1}
