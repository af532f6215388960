"""Masks that only shrink."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from .patterns import remove_lowest
from .weights import Masks


def nested(
    wanted: Mapping[str, torch.Tensor], kept: Mapping[str, torch.Tensor], scores: Mapping[str, torch.Tensor]
) -> Masks:
    """``wanted`` within ``kept``: as many weights as ``wanted`` keeps, as far as ``kept`` has so many, and none outside of ``kept``.

    A weight that would come back is replaced by the weight of highest ``scores`` that would go: in the same layer if one is left, else in
    any layer. Criteria that rank a weight of zero last nest by themselves, and nothing is replaced.
    """
    result = {name: mask & kept[name] for name, mask in wanted.items()}
    short = {name: int(mask.sum()) - int(result[name].sum()) for name, mask in wanted.items()}
    for name, count in short.items():
        if count:
            spare = kept[name] & ~result[name]
            filled = min(count, int(spare.sum()))
            result[name] = result[name] | _highest(spare, scores[name], filled)
            short[name] -= filled
    missing = sum(short.values())  # an allocation may move a weight from one layer to another
    if missing:
        spare = torch.cat([(kept[name] & ~mask).flatten().cpu() for name, mask in result.items()])
        together = torch.cat([scores[name].flatten().to("cpu", torch.float64) for name in result])
        back = _highest(spare, together, min(missing, int(spare.sum())))
        for name, part in zip(result, torch.split(back, [mask.numel() for mask in result.values()]), strict=True):
            result[name] = result[name] | part.reshape(result[name].shape).to(result[name].device)
    return result


def _highest(among: torch.Tensor, scores: torch.Tensor, count: int) -> torch.Tensor:
    """True at the ``count`` highest scores of the positions that are True in ``among``."""
    return remove_lowest(torch.where(among, scores.double(), -1.0), among.numel() - count)
