"""Images from the merge to the writer: turns, layers, rows, and where results go."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.layout import Layout
from zeroskip.contracts.network import RESIDUAL_FRACTION, QuantizedLayer
from zeroskip.schedule import Schedule
from zeroskip.schedule.tables import table_number


def program(layout: Layout, plan: Schedule) -> Iterator[int]:
    """Of every layer, what the sequencer gives out."""
    network, placed_at, tables = plan.network, plan.plan.tensors, plan.tables
    band, addresses = 0, 1 << layout.result_bits  # a step that is never taken may be as large as all addresses together
    readers = [layer for layer in network.layers if layer.source == INPUT]
    for layer, placed in zip(network.layers, plan.plan.layers, strict=True):
        to_output = layer.output == network.output_name
        shape = network.shapes[layer.output]
        values = {
            "last": layer is network.layers[-1], "release": layer is readers[-1], "to_output": to_output,
            "outputs": int(np.prod(shape)) if to_output else 0, "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
            "width": placed.width - 1, "write_step": (shape[0] if to_output else placed_at[layer.output].x_step) % addresses, "band": band,
            "turns": sum(bundle.turns for bundle in placed.bundles) - 1, "tiles": placed.tiles - 1,
            "across": placed.across and bool(layout.config.across), "maximum": layer.maximum,
            "tabled": layer.table is not None, "table": table_number(layer, tables),
            **_residual(layout, plan, layer),
        }  # fmt: skip
        band += len(placed.writes)
        yield layout.program.encode(values)


def _residual(layout: Layout, plan: Schedule, layer: QuantizedLayer) -> dict[str, int]:
    """Fields of a program word about what is added to the layer's results, and whether they are added later."""
    added, result = (plan.plan.tensors.get(name) if name else None for name in (layer.residual, layer.output))
    copied, addresses = result is not None and result.copied is not None, 1 << layout.copy_bits
    values = {
        "residual": 0, "residual_signed": 0, "residual_zero": 0, "residual_multiplier": 0, "residual_step": 0, "copied": copied,
    }  # fmt: skip
    if copied and result is not None:
        values["residual_step"] = result.copy_x_step % addresses
    if added is not None and layer.residual is not None:
        given = plan.network.formats[layer.residual]
        values |= {
            "residual": 1, "residual_signed": given.signed, "residual_zero": given.zero_point,
            "residual_multiplier": layer.residual_multiplier, "residual_step": added.copy_x_step % addresses,
        }  # fmt: skip
    return values


def turns(layout: Layout, plan: Schedule) -> Iterator[int]:
    """For each turn, in their order, the lanes that give a sum to each epilogue."""
    for layer in plan.plan.layers:
        lanes = np.zeros(len(layer.bias), dtype=object)
        for number, share in enumerate(layer.shares):
            lanes[share.rows] |= 1 << number
        for bundle in layer.bundles:
            given = [
                (f"lanes{epilogue}", int(lanes[row]))
                for row, epilogue in zip(bundle.rows, bundle.epilogues, strict=True)
            ]
            each = [dict(given)] if bundle.apart else [dict([one]) for one in given]
            nothing = {f"lanes{epilogue}": 0 for epilogue in range(layout.config.epilogues)}
            for turn in each:
                yield layout.merge.encode({**nothing, **turn, "complete": turn is each[-1]})


def rows(layout: Layout, plan: Schedule, epilogue: int) -> Iterator[int]:
    """The rows of one epilogue, for each bundle; without a row, nothing is stored anywhere."""
    network = plan.network
    for layer, placed in zip(network.layers, plan.plan.layers, strict=True):
        slope = layer.multiplier if layer.slope is None else layer.slope
        shift = layer.shift - (1 if layer.residual is None else RESIDUAL_FRACTION)
        for bundle in placed.bundles:
            if epilogue not in bundle.epilogues:
                yield 0
                continue
            row = bundle.rows[bundle.epilogues.index(epilogue)]
            channel = layer.channel + row
            yield layout.row.encode({
                "bias": placed.bias[row], "multiplier": layer.multiplier[row], "shift": shift[row], "slope": slope[row],
                "place": channel if layer.output == network.output_name else _place(layout, plan, layer, channel),
                "used": 1, **_copy_places(plan, layer, row),
            })  # fmt: skip


def _copy_places(plan: Schedule, layer: QuantizedLayer, row: int) -> dict[str, int]:
    """Places of a row's residual and of the row itself, each in its bank."""
    added, result = (plan.plan.tensors.get(name) if name else None for name in (layer.residual, layer.output))
    return {
        "residual_place": 0 if added is None or added.copied is None else int(added.copied.place[row]),
        "copy_place": 0 if result is None or result.copied is None else int(result.copied.place[layer.channel + row]),
    }


def _place(layout: Layout, plan: Schedule, layer: QuantizedLayer, channel: int) -> int:
    stored = plan.plan.tensors[layer.output]
    owners = lane_bits(stored.hosting.lanes[channel]) if layout.owner_bits else 0
    return owners << layout.result_bits | stored.base + int(stored.hosting.slots[channel])


def lane_bits(stores: npt.NDArray[np.bool_]) -> int:
    """A bit for each lane that stores a channel."""
    return sum(1 << lane for lane in np.flatnonzero(stores).tolist())


def bands_and_passes(layout: Layout, plan: Schedule) -> tuple[list[int], list[int]]:
    """Images of the bands, and of the writes that they list."""
    bands: list[int] = []
    passes: list[int] = []
    network, placed_at = plan.network, plan.plan.tensors
    addresses, copies, all_columns = 1 << layout.result_bits, 1 << layout.copy_bits, (1 << layout.config.columns) - 1
    for layer, placed in zip(network.layers, plan.plan.layers, strict=True):
        shape = network.shapes[layer.output]
        result = placed_at.get(layer.output)
        step = shape[2] * shape[0] if layer.output == network.output_name or result is None else result.y_step
        added = placed_at[layer.residual] if layer.residual is not None else None
        for number, writes in enumerate(placed.writes):
            residual = 0 if added is None else added.copy + number * added.copy_y_step
            bands.append(layout.band.encode({
                "last": number == len(placed.writes) - 1, "begin": len(passes), "more": len(writes) - 1, "residual": residual,
            }))  # fmt: skip
            passes += [
                layout.passes.encode({
                    "base": write.row * step % addresses, "turn": write.turn, "mask": write.mask if layout.config.strips else all_columns,
                    "copy": 0 if result is None else (result.copy + write.row * result.copy_y_step) % copies,
                })
                for write in writes
            ]  # fmt: skip
    return bands, passes
