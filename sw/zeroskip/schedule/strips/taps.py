"""The taps of a window as addresses, and mask words laid over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.network import IntArray, QuantizedLayer

from .geometry import View

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredWeights:
    """The stored weights of one layer, see :class:`~zeroskip.schedule.plan.LayerPlan`."""

    weight: IntArray
    mask: npt.NDArray[np.bool_]
    columns: Indices
    offsets: tuple[int, ...]


def stored_weights(layer: QuantizedLayer, view: View, word: int) -> StoredWeights:
    """Mask words over the taps that some row uses, in the order of their addresses: rows, pixels, channels; by channel if planar.

    A word covers ``word`` neighbouring addresses, starting at a tap. So runs of pixels with all their channels fill words, and no word is
    spent on the space between them. Rows of other groups use the same words at addresses of their own. A row without weights gets one
    explicit zero, because its output must be written.
    """
    weight = layer.weight.reshape(layer.outputs, -1)
    mask = weight != 0
    live = mask.any(axis=0)
    if not live.any():
        live[0] = True
    mask[~mask.any(axis=1), int(live.argmax())] = True
    addresses = tap_addresses(layer, view)
    taps = np.flatnonzero(live)
    taps = taps[np.argsort(addresses[taps], kind="stable")]
    offsets: list[int] = []
    columns = []
    for address in addresses[taps].tolist():
        if not offsets or address >= offsets[-1] + word:
            offsets.append(address)
        columns.append((len(offsets) - 1) * word + address - offsets[-1])
    holes = np.full(len(offsets) * word, -1, dtype=np.intp)
    holes[columns] = taps
    result_mask = np.zeros((layer.outputs, len(holes)), dtype=np.bool_)
    result_weight = np.zeros(result_mask.shape, dtype=np.int64)
    result_mask[:, columns], result_weight[:, columns] = mask[:, taps], weight[:, taps]
    return StoredWeights(weight=result_weight, mask=result_mask, columns=holes, offsets=tuple(offsets))


def tap_addresses(layer: QuantizedLayer, view: View) -> Indices:
    """Addresses of the taps (input channel, kernel row, kernel column) of the first output position, for the first group of rows."""
    window, (_, channels, high, wide) = layer.window, layer.weight.shape
    rows = np.arange(high) * window.dilation[0] - window.padding[0] + view.top
    cells = np.arange(wide) * window.dilation[1] - window.padding[1] + view.left
    return (
        view.base
        + np.arange(channels)[:, None, None] * view.channel_step
        + rows[:, None] * view.y_step
        + cells * view.x_step
    ).reshape(-1)  # fmt: skip
