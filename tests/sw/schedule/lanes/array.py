"""A plan carried out in NumPy: addresses, columns, turns and sums as the array will have them, no cycles."""

from __future__ import annotations

import numpy as np
from tests.sim.image_model import requantize, residual_part

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedLayer, QuantizedNetwork
from zeroskip.schedule.lanes.plan import LaneShare, OwnedLayer, OwnedPlan

UNWRITTEN = 1 << 20
"""What no activation is."""


class Array:
    """(lanes, addresses, columns) activations of one sample, and the residuals' memory."""

    def __init__(self, network: QuantizedNetwork, plan: OwnedPlan, columns: int) -> None:
        self.network, self.plan, self.columns = network, plan, columns
        lanes = len(plan.layers[0].shares)
        self.input = np.full((lanes, plan.tensors[INPUT].size, columns), UNWRITTEN)
        self.hidden = np.full((lanes, plan.depth, columns), UNWRITTEN)
        self.copies = np.full((plan.epilogues, plan.copy_depth, columns), UNWRITTEN)
        self.output = np.full(int(np.prod(network.shapes[network.output_name])), UNWRITTEN)
        self.write_count: dict[tuple[str, int, int, int], int] = {}

    def run(self, x: IntArray) -> IntArray:
        """(outputs,) of one sample x, (channels, height, width)."""
        for row, writes in enumerate(self.plan.input_writes):
            for cell in range(x.shape[2]):
                for write in writes:
                    given = np.broadcast_to(x[:, row, cell, None], (len(x), self.columns))
                    self._store(INPUT, 0, given, write.row, cell, write.mask)
        for layer, placed in zip(self.network.layers, self.plan.layers, strict=True):
            for band, writes in enumerate(placed.writes):
                for x_out in range(placed.width):
                    results = self._results(layer, placed, band, x_out)
                    for write in writes:
                        turned = np.roll(results, write.turn, axis=1)
                        if layer.output == self.network.output_name:
                            self._send(layer, turned[:, 0], write.row, x_out)
                        else:
                            self._store(layer.output, layer.channel, turned, write.row, x_out, write.mask)
        return self.output

    def _send(self, layer: QuantizedLayer, results: IntArray, row: int, cell: int) -> None:
        channels, _, width = self.network.shapes[layer.output]
        place = (row * width + cell) * channels + layer.channel
        assert (self.output[place : place + len(results)] == UNWRITTEN).all()
        self.output[place : place + len(results)] = results

    def _store(self, tensor: str, channel: int, values: IntArray, row: int, cell: int, mask: int) -> None:
        """``values`` (channels, columns) to all lanes that store one of them, and to the residuals' memory."""
        stored = self.plan.tensors[tensor]
        wanted = np.array([mask >> column & 1 for column in range(self.columns)], dtype=np.bool_)
        memory = self.input if tensor == INPUT else self.hidden
        for number, value in enumerate(values, channel):
            address = stored.base + row * stored.y_step + cell * stored.x_step + stored.hosting.slots[number]
            for lane in np.flatnonzero(stored.hosting.lanes[number]):
                memory[lane, address, wanted] = value[wanted]
            if stored.copied is not None:
                place = stored.copy + row * stored.copy_y_step + cell * stored.copy_x_step + stored.copied.place[number]
                self.copies[stored.copied.bank[number], place, wanted] = value[wanted]

    def _results(self, layer: QuantizedLayer, placed: OwnedLayer, band: int, x: int) -> IntArray:
        """(rows, columns) stored integers of one output position of every column."""
        sums = np.zeros((len(placed.bias), self.columns), dtype=np.int64)
        memory = self.input if layer.source == INPUT else self.hidden
        for lane, share in enumerate(placed.shares):
            row, products = self._products(layer, placed, share, memory[lane], band, x)
            mine = np.full((len(share.rows), self.columns), -(1 << 30) if layer.maximum else 0)
            (np.maximum if layer.maximum else np.add).at(mine, row, products)
            sums[share.rows] += mine  # whatever they are, the lanes' results are added
        if placed.across:
            sums[:, 0] = sums.max(axis=1) if layer.maximum else sums.sum(axis=1)
        acc = (sums + placed.bias[:, None])[None, :, :, None]
        residual = None
        if layer.residual is not None:
            residual = residual_part(
                layer, self._residual(layer, band, x)[None, :, :, None], self.network.formats[layer.residual]
            )
        y = np.clip(layer.zero_point + requantize(layer, acc, residual), layer.low, layer.high)[0, :, :, 0]
        return y if layer.table is None else layer.table[y % 256]

    def _residual(self, layer: QuantizedLayer, band: int, x: int) -> IntArray:
        assert layer.residual is not None
        stored = self.plan.tensors[layer.residual]
        assert stored.copied is not None
        place = stored.copy + band * stored.copy_y_step + x * stored.copy_x_step + stored.copied.place
        return self.copies[stored.copied.bank, place]

    def _products(
        self, layer: QuantizedLayer, placed: OwnedLayer, share: LaneShare, memory: IntArray, band: int, x: int
    ) -> tuple[IntArray, IntArray]:
        """Number of the lane's row, and the products in all columns, of each of its weights."""
        source = self.plan.tensors[layer.source]
        row, tap = np.nonzero(share.mask)
        offset, tap_row, tap_cell = (
            np.array(values)[tap] for values in zip(*((t.offset, t.row, t.cell) for t in placed.taps), strict=True)
        )
        (down, right) = placed.stride
        rows, cells = tap_row + band * down, tap_cell + x * right
        turn = rows // placed.strip
        assert np.abs(turn).max(initial=0) <= placed.reach
        address = (
            offset + band * down * source.y_step + x * right * source.x_step + row // placed.group_rows * placed.group_step
            - turn * placed.strip * source.y_step
        )  # fmt: skip
        inside = (cells >= 0) & (cells < source.shape[2])
        column = np.arange(self.columns) + turn[:, None]
        own = rows - turn * placed.strip
        valid = inside[:, None] & (column >= 0) & (column < placed.columns)
        valid &= (column < placed.columns - 1) | (own < placed.edge)[:, None]
        safe = np.where(inside, address, 0)
        assert ((safe >= 0) & (safe < len(memory))).all()
        operand = np.where(valid, memory[safe[:, None], np.where(valid, column, 0)], placed.padding)
        return row, share.weight[row, tap][:, None] * operand
