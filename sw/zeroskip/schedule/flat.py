"""A chain of fully connected layers on an array whose columns are samples of a batch."""

from __future__ import annotations

import numpy as np

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.network import QuantizedNetwork, accumulator_bits

from .capacity import sized_for
from .lower import LoweredLayer, lower
from .plan import LayerPlan, Schedule
from .split import split


def schedule_flat(network: QuantizedNetwork, config: ArrayConfig, *, built: bool) -> Schedule:
    """Map ``network``, which must be flat, to the array."""
    inputs = int(np.prod(network.input_shape))
    outputs = int(np.prod(network.output_shape))
    lowered = lower(network, config.stream_elements)
    runs = [split(layer.mask, config.lanes, config.word) for layer in lowered]

    stores, hidden = _assign_addresses(lowered, config.word)
    plans, first_row = [], 0
    for i, (layer, captured) in enumerate(zip(lowered, network.layers, strict=True)):
        plans.append(
            LayerPlan(
                name=layer.name, shape=(len(captured.weight), captured.weight[0].size), kept=int(np.count_nonzero(captured.weight)),
                output=captured.output, positions=config.columns,
                weight=layer.weight, mask=layer.mask, rows=layer.rows, columns=layer.columns,
                bias=layer.bias, multiplier=layer.multiplier, shift=layer.shift, places=stores[i] + np.arange(len(layer.rows)),
                runs=runs[i], first_row=first_row, first_group=0 if i == 0 else stores[i - 1] // config.word,
                groups=-(-layer.mask.shape[1] // config.word),
                program={
                    "last": i == len(lowered) - 1, "to_output": i == len(lowered) - 1, "from_input": i == 0, "release": i == 0,
                    "signed": layer.input.signed, "outputs": outputs,
                    "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
                },
            )
        )  # fmt: skip
        first_row += len(layer.rows)

    needs = {
        "strips": False, "maximum": False, "residual": False, "slopes": False, "table_depth": 0,
        "input_depth": inputs, "hidden_depth": hidden, "output_depth": outputs, "row_depth": first_row,
        "acc_bits": max(8, *(accumulator_bits(layer.weight, layer.bias, layer.input) for layer in lowered)),
    }  # fmt: skip
    kept = np.zeros(inputs, dtype=np.bool_)
    columns = lowered[0].columns
    kept[columns[columns >= 0]] = True
    return Schedule(
        config=sized_for(config, needs, runs, network.weight_bits, built=built), layers=tuple(plans), inputs=inputs, outputs=outputs,
        kept_inputs=kept,
    )  # fmt: skip


def _assign_addresses(layers: tuple[LoweredLayer, ...], word: int) -> tuple[list[int], int]:
    """Place hidden activations in two regions by turns, so that no layer overwrites what it reads. The last layer writes the output."""
    sizes = [-(-len(layer.rows) // word) * word for layer in layers[:-1]]
    even, odd = max(sizes[0::2], default=0), max(sizes[1::2], default=0)
    stores = [0 if i % 2 == 0 else even for i in range(len(sizes))]
    return [*stores, 0], max(even + odd, word)
