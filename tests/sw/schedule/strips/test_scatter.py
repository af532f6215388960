"""The lists of writes: which columns each result or input element goes to, and where padding stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroskip.schedule import Band, Pass
from zeroskip.schedule.strips.geometry import View
from zeroskip.schedule.strips.scatter import input_bands, output_bands, result_bands

PADDING = 99


def view(
    height: int, width: int, columns: int, *, advance: int, rows: int, top: int = 0, left: int = 0, right: int = 0,
    channels: int = 1, planar: bool = False,
) -> View:  # fmt: skip
    """Of an image whose every stored cell is read by every column."""
    cells = left + width + right
    return View(
        shape=(channels, height, width), advance=advance, top=top, left=left, rows=rows, cells=cells, planar=planar,
        needed=np.ones((columns, rows, cells), dtype=np.bool_), base=1000,
    )  # fmt: skip


def test_strips_without_overlap_take_one_write() -> None:
    bands = result_bands(view(4, 3, 2, advance=2, rows=2), 2, 2, PADDING, 0)
    passes = [(Pass(base=1000, mask=0b11),), (Pass(base=1003, mask=0b11),)]
    assert bands == tuple(Band(width=3, first=p, middle=p, last=p) for p in passes)


def test_rows_that_overlap_are_also_written_to_the_neighbour_and_above_and_below_the_image_stands_padding() -> None:
    """Two strips of 2 of 4 rows, one row more above and below: column 0 stores rows -1 … 2, column 1 rows 1 … 4; 3 cells in a row."""
    first, second = result_bands(view(4, 3, 2, advance=2, rows=4, top=1), 2, 2, PADDING, 0)
    # Image rows 0 and 2: stored as row 1 of their own columns, and row 2 as column 0's row 3; rows 1 and 3 likewise.
    assert first.first == first.middle == first.last
    assert set(first.first) == {
        Pass(base=1003, mask=0b11), Pass(base=1009, mask=0b01, turn=1), Pass(base=1000, mask=0b01, constant=True, value=PADDING),
    }  # fmt: skip
    assert set(second.first) == {
        Pass(base=1006, mask=0b11), Pass(base=1000, mask=0b10, turn=1), Pass(base=1009, mask=0b10, constant=True, value=PADDING),
    }  # fmt: skip


def test_padding_beside_a_row_is_written_with_its_first_and_last_element() -> None:
    """Bases are those of the first element's place, so the cells behind the row count from its last."""
    (band,) = result_bands(view(1, 5, 1, advance=0, rows=1, left=2, right=1), 1, 1, PADDING, 0)
    data = Pass(base=1002, mask=1)
    left = [Pass(base=1000 + cell, mask=1, constant=True, value=PADDING) for cell in (0, 1)]
    right = Pass(base=1007 - 4, mask=1, constant=True, value=PADDING)
    assert band == Band(width=5, first=(data, *left), middle=(data,), last=(data, right))
    assert band.counts == [3, 1, 1, 1, 2]


def test_a_row_of_one_element_has_padding_on_both_sides_of_it() -> None:
    (band,) = result_bands(view(1, 1, 1, advance=0, rows=1, left=1, right=1), 1, 1, PADDING, 0)
    assert band.first == (
        Pass(base=1001, mask=1), Pass(base=1000, mask=1, constant=True, value=PADDING),
        Pass(base=1002, mask=1, constant=True, value=PADDING),
    )  # fmt: skip
    assert band.counts == [3]


def test_channels_and_planes_move_the_places() -> None:
    (interleaved,) = result_bands(view(1, 3, 1, advance=0, rows=1, left=1, channels=4), 1, 1, PADDING, 0)
    assert [entry.base for entry in interleaved.first] == [1004, 1000]
    (planar,) = result_bands(view(1, 3, 1, advance=0, rows=1, left=1, channels=4, planar=True), 1, 1, PADDING, 0)
    assert [entry.base for entry in planar.first] == [1001, 1000]


def test_what_nothing_reads_is_written_nowhere_but_takes_its_cycle() -> None:
    unread = view(2, 2, 1, advance=0, rows=2)
    unread.needed[0, 1] = False
    first, second = result_bands(unread, 2, 1, PADDING, 0)
    assert first.first == (Pass(base=1000, mask=1),)
    assert second.first == second.middle == second.last == (Pass(base=0, mask=0),)


def test_rows_of_padding_go_to_the_band_with_the_fewest_writes() -> None:
    """The lower of two rows is also the upper strip's overlap."""
    found = view(4, 2, 2, advance=2, rows=3)
    bands = result_bands(found, 2, 2, PADDING, 0)
    assert [len(band.middle) for band in bands] == [2, 2]
    assert Pass(base=1004, mask=0b01, turn=1) in bands[0].middle
    assert Pass(base=1004, mask=0b10, constant=True, value=PADDING) in bands[1].middle


@pytest.mark.parametrize("step", [0, 7])
def test_bands_move_through_the_residual(step: int) -> None:
    found = view(6, 2, 2, advance=3, rows=3)
    assert [band.residual for band in result_bands(found, 3, 2, PADDING, step)] == [0, step, 2 * step]
    assert [band.residual for band in output_bands((1, 6, 2), 3, 2, step)] == [0, step, 2 * step]


def test_outputs_go_to_the_lowest_column_pixel_after_pixel() -> None:
    """5 rows in strips of 2 on 4 columns: the third strip has one row, the fourth none."""
    first, second = output_bands((3, 5, 4), 2, 4, 0)
    assert first.first == first.middle == first.last == (
        Pass(base=0, mask=1), Pass(base=24, mask=1, turn=3), Pass(base=48, mask=1, turn=2),
    )  # fmt: skip
    assert second.first == (Pass(base=12, mask=1), Pass(base=36, mask=1, turn=3))


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 16))
def test_outputs_are_each_written_once(height: int, width: int, channels: int, columns: int) -> None:
    rows = -(-height // columns)
    written = []
    for band in output_bands((channels, height, width), rows, columns, 0):
        for x, count in enumerate(band.counts):
            assert count == len(band.first)
            written += [entry.base + x * channels + k for entry in band.first for k in range(channels)]
            assert all(entry.mask == 1 and not entry.constant for entry in band.first)
    assert sorted(written) == list(range(height * width * channels))


def test_input_rows_go_to_all_columns_at_once_where_they_lie_alike() -> None:
    """No element turns: every column is given the same. Two columns of 2 rows and one row of overlap."""
    bands = input_bands(view(4, 2, 2, advance=2, rows=3, top=1), 2, PADDING)
    assert [band.width for band in bands] == [2] * 4
    assert set(bands[0].first) == {Pass(base=1002, mask=0b01), Pass(base=1000, mask=0b01, constant=True, value=PADDING)}
    assert set(bands[1].first) == {Pass(base=1004, mask=0b01), Pass(base=1000, mask=0b10)}
    assert [band.first for band in bands[2:]] == [(Pass(base=1002, mask=0b10),), (Pass(base=1004, mask=0b10),)]
    same = input_bands(view(3, 2, 3, advance=0, rows=3), 3, PADDING)
    assert [band.first for band in same] == [(Pass(base=1000 + 2 * row, mask=0b111),) for row in range(3)]


@pytest.mark.parametrize("channels, width, count", [(1, 1, 2), (2, 1, 1), (1, 2, 1)])
def test_an_input_row_of_one_element_takes_two_cycles(channels: int, width: int, count: int) -> None:
    (band,) = input_bands(view(1, width, 1, advance=0, rows=1, channels=channels), 1, PADDING)
    assert band.counts[0] == count
    assert band.first[1:] == (Pass(base=0, mask=0),) * (count - 1)
