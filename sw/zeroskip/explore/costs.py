"""The exact cost of a pruned model on an array: weights kept, bits stored, cycles predicted. No images and no Verilog are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import InputError
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.frontend import capture
from zeroskip.prune import Masks, prunable, summary
from zeroskip.prune.budget.allocate import Cost
from zeroskip.prune.masks.weights import PRUNABLE
from zeroskip.quantize import quantize
from zeroskip.schedule import predict, schedule
from zeroskip.schedule.encoding import stored_bits

KINDS = ("weights", "bits", "cycles")
"""Kept prunable weights; bits of masks, headers and weights in all lanes; predicted cycles from one group of samples to the next."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Costs:
    """One pruned model on one array. Every figure equals that of :func:`zeroskip.compile`, and cycles equal those of the simulation.

    weights : prunable weights kept
    stored_bits : masks, headers and weights of all lanes
    cycles : predicted
    layers : the layer's part of the cost, by kind of cost and by parameter name
    network : the integer network
    """

    weights: int
    stored_bits: int
    cycles: Cycles
    layers: Mapping[str, Mapping[str, int]]
    network: QuantizedNetwork

    def of(self, kind: str) -> Cost:
        """The cost that counts for a budget of ``kind``, one of :data:`KINDS`."""
        totals = {"weights": self.weights, "bits": self.stored_bits, "cycles": self.cycles.interval}
        return Cost(totals[kind], self.layers[kind])


def costs(
    model: nn.Module,
    masks: Masks,
    *,
    calibration: npt.ArrayLike,
    config: ArrayConfig,
    example: torch.Tensor | None = None,
) -> Costs:
    """Capture, quantize and schedule ``model`` under ``masks``, as :func:`zeroskip.compile` does.

    model : is not changed
    masks : as criteria return them
    calibration : (N, …) float inputs
    config : the array; capacities left at 0 are sized to the network
    example : one sample with its batch axis; by default in the shape of a calibration sample

    Raises UnsupportedError, InputError and CapacityError as each step does.
    """
    samples = np.asarray(calibration)
    if example is None:
        if samples.ndim < 2:
            raise InputError(f"calibration: must have shape (N, …), not {samples.shape}")
        example = torch.zeros(1, *samples.shape[1:])
    graph = capture(model, example, masks)
    network = quantize(graph, samples, weight_bits=config.weight_bits, act_bits=config.act_bits)
    plan = schedule(network, config)
    cycles = predict(plan)
    owners = _owners(model, network)
    bits = {
        layer.name: stored_bits(plan.config, encodings)
        for layer, encodings in zip(plan.plan.layers, plan.encodings, strict=True)
    }
    kept = kept_weights(model, masks)
    return Costs(
        weights=kept.total, stored_bits=sum(bits.values()), cycles=cycles,
        layers={
            "weights": kept.layers, "bits": _by_owner(owners, bits), "cycles": _by_owner(owners, cycles.layers),
        },
        network=network,
    )  # fmt: skip


def kept_weights(model: nn.Module, masks: Masks) -> Cost:
    """The cost in weights. It needs no array."""
    sizes = {name: weight.effective.numel() for name, weight in prunable(model).items()}
    layers = sizes | {row.name: row.kept for row in summary(masks)}
    return Cost(sum(layers.values()), layers)


def _owners(model: nn.Module, network: QuantizedNetwork) -> dict[str, str]:
    """Layer → the prunable weight that it computes with. Layers whose weights are never pruned are absent."""
    names = {id(weight.parameter): name for name, weight in prunable(model).items()}
    paths = {
        path: names[id(parameter)]
        for path, module in model.named_modules(remove_duplicate=False)
        if isinstance(module, PRUNABLE)
        for parameter in module.parameters()
        if id(parameter) in names
    }
    # A model that is itself such a module has no path. Its layer is named by its operator.
    return {
        layer.name: paths[path]
        for layer in network.layers
        if (path := layer.name if layer.name in paths else "") in paths
    }


def _by_owner(owners: Mapping[str, str], values: Mapping[str, int]) -> dict[str, int]:
    result = dict.fromkeys(owners.values(), 0)
    for layer, owner in owners.items():
        result[owner] += values[layer]
    return result
