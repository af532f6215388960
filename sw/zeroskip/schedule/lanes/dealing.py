"""Which lane holds which weight of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import QuantizedLayer

from .hosting import Hosting, first_channels

Lanes = npt.NDArray[np.int16]
NOBODY = -1


def deal(layer: QuantizedLayer, hosting: Hosting, parts: int = 0) -> Lanes:
    """(outputs, channels, kernel height, kernel width), the shape of the weight: the lane of every stored weight, else ``NOBODY``.

    hosting : of the layer's source
    parts : lanes that share a row, where all lanes store all of its channels; 0 for no limit

    A weight goes to the lane that stores its channel. Where several do, it goes to the one that has the fewest weights of this layer so
    far, row after row, so that the lanes stay level within a row and over many. A maximum is one lane's alone: the lanes' results are
    added up. A row without weights keeps one explicit zero, since its output must be written.
    """
    if parts:
        return _by_rows(layer, hosting.lanes.shape[1], parts)
    kept = layer.weight != 0
    lane = np.full(kept.shape, NOBODY, dtype=np.int16)
    channel = first_channels(layer)[:, None] + np.arange(kept.shape[1])
    single = hosting.lanes.sum(axis=1) == 1
    owner = np.where(single, hosting.lanes.argmax(axis=1), NOBODY).astype(np.int16)
    lane[kept] = np.broadcast_to(owner[channel][:, :, None, None], kept.shape)[kept]
    load = np.bincount(lane[lane >= 0], minlength=hosting.lanes.shape[1])
    if not single.all():
        hosts = [np.flatnonzero(row) for row in hosting.lanes]
        undealt = kept & (lane == NOBODY)
        for at in _windows(undealt) if layer.maximum else zip(*np.nonzero(undealt), strict=True):
            mine = hosts[channel[at[0], at[1]]]
            lane[at] = chosen = mine[load[mine].argmin()]
            load[chosen] += np.count_nonzero(undealt[at])
    for row in np.flatnonzero(~kept.any(axis=(1, 2, 3))):
        hosts_row = hosting.lanes[channel[row]]
        mine = np.flatnonzero(hosts_row.any(axis=0))
        chosen = mine[load[mine].argmin()]
        lane[row, int(hosts_row[:, chosen].argmax()), 0, 0] = chosen
        load[chosen] += 1
    return lane


def _windows(kept: npt.NDArray[np.bool_]) -> Iterator[tuple[Any, ...]]:
    """Indices of the whole window of each row, which reads one channel."""
    for row, channel in zip(*np.nonzero(kept.any(axis=(2, 3))), strict=True):
        yield (row, channel, *np.nonzero(kept[row, channel]))


def _by_rows(layer: QuantizedLayer, lanes: int, parts: int) -> Lanes:
    """Every row in ``parts`` lanes, those with the fewest weights so far."""
    kept = layer.weight != 0
    kept[~kept.any(axis=(1, 2, 3)), 0, 0, 0] = True
    lane = np.full(kept.shape, NOBODY, dtype=np.int16)
    load = np.zeros(lanes, dtype=np.intp)
    for row, mine in enumerate(kept):
        count = int(np.count_nonzero(mine))
        chosen = np.argsort(load, kind="stable")[:parts]
        lane[row][mine] = given = chosen[np.arange(count) * len(chosen) // count]
        load += np.bincount(given, minlength=lanes)
    return lane


def counts(lane: Lanes, lanes: int) -> npt.NDArray[np.intp]:
    """(outputs, lanes) stored weights of each row in each lane."""
    rows, *_ = np.nonzero(lane >= 0)
    return np.bincount(rows * lanes + lane[lane >= 0], minlength=len(lane) * lanes).reshape(len(lane), lanes)
