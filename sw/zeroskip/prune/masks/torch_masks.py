"""Masks in the form of torch.nn.utils.prune: read from a model, and given to a model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.prune import custom_from_mask

from zeroskip.contracts.errors import InputError

from .apply import check
from .layer_inputs import users
from .weights import Masks, prunable


def from_torch(model: nn.Module) -> Masks:
    """The masks of a model pruned by :mod:`torch.nn.utils.prune` and not yet made permanent (``weight_orig``, ``weight_mask``).

    Returns name → bool tensor of the weight's shape on its device, for every prunable weight. The name is ``fc1.weight``, as it is again
    after ``prune.remove``. Layers that torch did not prune keep all weights. Masks of biases and of other modules are left where they are.

    Raises InputError if no prunable weight carries such a mask, and for a mask with values other than 0 and 1.
    """
    masks: Masks = {}
    found = False
    for name, weight in prunable(model).items():
        mask = weight.module._buffers.get("weight_mask")
        if mask is None:
            masks[name] = torch.ones_like(weight.effective, dtype=torch.bool)
        else:
            masks[name] = zero_one(mask, name)
            found = True
    if not found:
        raise InputError(
            "model: no layer carries a mask of torch.nn.utils.prune; after prune.remove, read the zeros with from_zeros"
        )
    return masks


def to_torch(model: nn.Module, masks: Mapping[str, torch.Tensor]) -> None:
    """Give ``model`` its masks in the form of :mod:`torch.nn.utils.prune`, in place: ``weight_orig``, ``weight_mask``, and a hook
    that multiplies them before each forward pass. Its own ``prune.remove`` makes the zeros permanent.

    masks : as :func:`magnitude` returns them. A layer whose mask keeps every weight is wrapped too. A mask of torch's that is there
        already goes on removing what it removed. Modules that share a weight share its mask

    Raises InputError for masks that do not fit and for a parametrized weight. Nothing is changed then.
    """
    check(model, masks)
    layers, weights = users(model), prunable(model)
    for name in masks:
        if any(parametrize.is_parametrized(module, "weight") for module in layers[name]):
            raise InputError(
                f"weight {name!r} is parametrized and cannot carry a mask; remove its parametrizations first"
            )
    for name, mask in masks.items():
        for module in layers[name]:
            custom_from_mask(module, "weight", mask.to(weights[name].parameter.device))  # type: ignore[no-untyped-call]


def from_zeros(model: nn.Module) -> Masks:
    """Masks that keep exactly the weights that are not zero (-0.0 is zero), for every prunable weight.

    Returns masks as :func:`magnitude` does. Raises InputError as :func:`prunable` does.
    """
    return {name: weight.effective != 0 for name, weight in prunable(model).items()}


def zero_one(mask: torch.Tensor, name: str) -> torch.Tensor:
    """``mask`` as bool. It is refused unless each value is 0 or 1."""
    if mask.dtype == torch.bool:
        return mask.clone()
    kept = mask == 1
    if not (kept | (mask == 0)).all():
        raise InputError(f"mask {name!r} must hold only 0 and 1, not other {mask.dtype} values")
    return kept
