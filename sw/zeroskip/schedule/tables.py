"""Lookup tables of pointwise functions, each stored once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork


def distinct_tables(network: QuantizedNetwork) -> list[IntArray]:
    """In order of first use."""
    tables: list[IntArray] = []
    for layer in network.layers:
        if layer.table is not None and not any(np.array_equal(layer.table, table) for table in tables):
            tables.append(layer.table)
    return tables


def table_number(layer: QuantizedLayer, tables: Sequence[IntArray]) -> int:
    """The place of the layer's table among ``tables``; 0 without one."""
    if layer.table is None:
        return 0
    return next(i for i, table in enumerate(tables) if np.array_equal(table, layer.table))
