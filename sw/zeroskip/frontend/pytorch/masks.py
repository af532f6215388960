"""The kept weights: by the caller's masks, by those of ``torch.nn.utils.prune``, or else all weights that are not zero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from zeroskip.contracts.errors import InputError
from zeroskip.contracts.graph import BoolArray, FloatArray


def remove_pruning_hooks(model: nn.Module) -> dict[str, Tensor]:
    """Make every tensor pruned by ``torch.nn.utils.prune`` an ordinary parameter again, in place.

    Returns the masks found, by parameter name, bool.
    """
    found: dict[str, Tensor] = {}
    for path, module in model.named_modules():
        hooks = [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, prune.BasePruningMethod)]
        for hook in hooks:
            tensor_name = hook._tensor_name
            found[f"{path}.{tensor_name}" if path else tensor_name] = getattr(module, f"{tensor_name}_mask").bool()
            prune.remove(module, tensor_name)  # type: ignore[no-untyped-call]
    return found


class Masks:
    """The masks of one capture, looked up by any of a parameter's names.

    model : a copy that :func:`remove_pruning_hooks` has cleaned
    given : the caller's masks, by parameter name, bool, of the parameter's shape
    hooked : result of :func:`remove_pruning_hooks`

    Raises InputError for a mask whose name, type, dtype or shape is wrong.
    """

    def __init__(self, model: nn.Module, given: Mapping[str, Tensor], hooked: Mapping[str, Tensor]) -> None:
        named = {
            **dict(model.named_parameters(remove_duplicate=False)),
            **dict(model.named_buffers(remove_duplicate=False)),
        }
        by_identity: dict[int, list[str]] = defaultdict(list)
        for name, tensor in named.items():
            by_identity[id(tensor)].append(name)
        self._aliases = {name: by_identity[id(tensor)] for name, tensor in named.items()}
        for name, mask in given.items():
            _check(name, mask, named)
        self._given = given
        self._hooked = hooked
        self._used: set[str] = set()

    def aliases(self, name: str) -> list[str]:
        """Every name of the parameter ``name``. Modules that share it give it several names."""
        return self._aliases.get(name, [name])

    def keep(self, name: str, weight: FloatArray) -> BoolArray:
        """True where ``weight``, the parameter ``name``, is kept.

        A mask under the name itself goes before a mask under an alias. A weight that a pruning hook removed stays removed.
        """
        names = [name, *self.aliases(name)]
        self._used.update(names)
        found = [mask for mask in (_first(self._given, names), _first(self._hooked, names)) if mask is not None]
        if not found:
            return np.asarray(weight != 0)
        return np.asarray(np.logical_and.reduce([mask.detach().cpu().numpy() for mask in found]), dtype=np.bool_)

    def require_all_used(self) -> None:
        """Raises InputError for a given mask that belongs to no layer."""
        for name in self._given:
            if name not in self._used:
                raise InputError(f"mask {name!r}: must belong to the weight of a layer of the network")


def _first(masks: Mapping[str, Tensor], names: list[str]) -> Tensor | None:
    return next((masks[name] for name in names if name in masks), None)


def _check(name: str, mask: object, named: Mapping[str, Tensor]) -> None:
    if name not in named:
        weights = [known for known, tensor in named.items() if tensor.ndim >= 2]
        raise InputError(f"mask {name!r}: no such parameter; the model's weights are {', '.join(weights) or 'none'}")
    if not isinstance(mask, Tensor):
        raise InputError(f"mask {name!r}: must be a torch.Tensor, not {type(mask).__name__}")
    if mask.dtype != torch.bool:
        raise InputError(f"mask {name!r}: dtype must be torch.bool, not {mask.dtype}")
    if mask.shape != named[name].shape:
        raise InputError(f"mask {name!r}: shape must be {tuple(named[name].shape)}, not {tuple(mask.shape)}")
