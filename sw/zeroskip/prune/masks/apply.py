"""Masks on a model: check that they fit, zero the removed weights, and count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.utils import parametrize

from zeroskip.contracts.errors import InputError
from zeroskip.prune.model.duplicate import duplicate

from .weights import Masks, Weight, prunable, resolve


class SummaryRow(NamedTuple):
    """The figures of one mask.

    name : name of the parameter
    total : weights of the layer
    kept : weights that stay
    sparsity : share removed, 0 … 1
    """

    name: str
    total: int
    kept: int
    sparsity: float


def check(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> None:
    """Refuse masks that do not fit ``model``. Layers without a mask are allowed: they keep every weight.

    Raises InputError, one line that names the layer, for a name that is no prunable weight's full parameter name, a value that is no bool
    tensor, and a shape other than the weight's; and as :func:`prunable` does.
    """
    weights = prunable(model)
    if not isinstance(masks, Mapping):
        raise InputError(f"masks must be a dict from parameter name to bool tensor, not {type(masks).__name__}")
    for name, mask in masks.items():
        if name not in weights:
            known = resolve(model, str(name), what="masks")  # refuses a name that means nothing
            raise InputError(f"masks: {name!r} is a module; use the parameter's name {known!r}")
        if not isinstance(mask, torch.Tensor):
            raise InputError(f"mask {name!r} must be a torch.bool tensor, not {type(mask).__name__}")
        if mask.dtype != torch.bool:
            raise InputError(f"mask {name!r} must be a torch.bool tensor, not {mask.dtype}")
        shape = tuple(weights[name].effective.shape)
        if tuple(mask.shape) != shape:
            raise InputError(f"mask {name!r} must have the weight's shape {shape}, not {tuple(mask.shape)}")


def apply(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> None:
    """Set every removed weight to +0.0, in place. The masks may lie on any device.

    Under :mod:`torch.nn.utils.prune` ``weight_orig`` is zeroed and ``weight`` computed anew, and torch's own mask stays. Under
    :mod:`torch.nn.utils.parametrize` the original is zeroed. It is refused if the parametrization does not turn that into zeros.

    Raises InputError as :func:`check` does, before anything is changed, and for a parametrization that does not keep zeros.
    """
    check(model, masks)
    weights = prunable(model)
    for name, mask in masks.items():
        zero_removed(weights[name], mask)


def zero_removed(weight: Weight, mask: torch.Tensor) -> None:
    """:func:`apply` for one weight and a mask that is known to fit."""
    removed = ~mask.to(weight.parameter.device)
    before = weight.parameter.detach().clone() if parametrize.is_parametrized(weight.module, "weight") else None
    with torch.no_grad():
        # Filling, not multiplying: -1 * 0 is -0.0, and the quantizer and packer count bit patterns.
        if weight.parameter.shape == removed.shape:
            weight.parameter.masked_fill_(removed, 0.0)
        if before is None:
            if "weight_orig" in weight.module._parameters:
                weight.module.weight = weight.effective.masked_fill(removed, 0.0)
        elif weight.parameter.shape != removed.shape or weight.effective[removed].count_nonzero():
            weight.parameter.copy_(before)
            raise InputError(
                f"weight {weight.name!r} has a parametrization that does not keep zeros; "
                "remove it with torch.nn.utils.parametrize.remove_parametrizations"
            )


def masked(model: nn.Module, masks: Masks) -> nn.Module:
    """A copy of ``model`` under ``masks``, in evaluation mode."""
    copy = duplicate(model)
    apply(copy, masks)
    return copy


def summary(masks: Mapping[str, torch.Tensor]) -> list[SummaryRow]:
    """One row per mask, in their order."""
    rows = []
    for name, mask in masks.items():
        total, kept = mask.numel(), int(mask.count_nonzero())
        rows.append(SummaryRow(name, total, kept, (total - kept) / total if total else 0.0))
    return rows


def complete(model: nn.Module, masks: Masks) -> Masks:
    """Checked masks on their weights' devices, in the model's order. A layer without a mask keeps every weight."""
    check(model, masks)
    return {
        name: masks[name].to(weight.parameter.device)
        if name in masks
        else torch.ones_like(weight.effective, dtype=torch.bool)
        for name, weight in prunable(model).items()
    }
