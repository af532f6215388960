"""The weights of a model that may be pruned. They are found by the type of the module that owns them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrize

from zeroskip.contracts.errors import InputError

Masks = dict[str, torch.Tensor]
"""Parameter name, as ``fc1.weight``, → bool tensor of the parameter's shape, True where the weight is kept."""

PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d)
"""Modules whose ``weight`` is pruned, subclasses included. Biases and the parameters of all other modules are never pruned."""


@dataclass(frozen=True, eq=False)
class Weight:
    """One prunable weight.

    name : the owning module's qualified name and ``.weight``
    module : the first module, in the model's order, that owns it
    parameter : the tensor that training changes: the weight itself, ``weight_orig`` under :mod:`torch.nn.utils.prune`, or the original
        of a parametrization
    """

    name: str
    module: nn.Module
    parameter: nn.Parameter

    @property
    def effective(self) -> torch.Tensor:
        """The weight as the forward pass sees it, detached. Its shape is that of the mask."""
        module = self.module
        mask = module._buffers.get("weight_mask")
        if mask is not None and "weight_orig" in module._parameters:
            # torch refreshes module.weight only in a forward hook, so the attribute may be out of date.
            return (self.parameter * mask).detach()
        with torch.no_grad():
            value: torch.Tensor = module.weight.detach()  # type: ignore[operator]
        return value


def prunable(model: nn.Module) -> dict[str, Weight]:
    """The weights of ``nn.Linear``, ``nn.Conv1d`` and ``nn.Conv2d`` by name, in the model's order.

    A weight that several such modules share appears once, under its first name. A weight that a module of another type owns too (an
    embedding tied to the output layer) is left out, since pruning would change that module.

    Raises InputError if ``model`` is no module or has no such weight, or if a weight is not yet initialised or holds NaN or infinity.
    """
    weights = {name: weight for name, (weight, first) in _owners(model).items() if name == first}
    if not weights:
        raise InputError("model: there is nothing to prune; only weights of Linear, Conv1d and Conv2d are pruned")
    for weight in weights.values():
        if not torch.isfinite(weight.effective).all():
            raise InputError(f"weight {weight.name!r} must be finite, but holds NaN or infinity")
    return weights


def resolve(model: nn.Module, name: str, *, what: str) -> str:
    """The key in :func:`prunable` that ``name`` means: the name of a parameter, or of the module that owns it.

    ``what`` begins the refusal of a name that means nothing.
    """
    owners = _owners(model)
    for candidate in (name, f"{name}.weight"):
        if candidate in owners:
            first = owners[candidate][1]
            if first != candidate:
                raise InputError(f"{what}: {name!r} shares its weight with {first!r}; use that name")
            return first
    allowed = ", ".join(key for key, (_, first) in owners.items() if key == first)
    raise InputError(f"{what}: unknown name {name!r}; allowed are {allowed}")


def resolve_all(model: nn.Module, names: Iterable[str], *, what: str) -> set[str]:
    """:func:`resolve` for several names. A single string is one name."""
    return {resolve(model, name, what=what) for name in ([names] if isinstance(names, str) else names)}


def _owners(model: nn.Module) -> dict[str, tuple[Weight, str]]:
    """Every name of a prunable weight → the weight and its first name."""
    if not isinstance(model, nn.Module):
        raise InputError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    owned_elsewhere = {
        id(parameter)
        for module in model.modules()
        if not isinstance(module, (*PRUNABLE, parametrize.ParametrizationList))
        for parameter in module._parameters.values()
    }
    owners: dict[str, tuple[Weight, str]] = {}
    first_name: dict[int, str] = {}
    for prefix, module in model.named_modules():
        if not isinstance(module, PRUNABLE):
            continue
        name = f"{prefix}.weight" if prefix else "weight"
        parameter = _parameter(module, name)
        if id(parameter) not in owned_elsewhere:
            first = first_name.setdefault(id(parameter), name)
            owners[name] = (Weight(name, module, parameter), first)
    return owners


def _parameter(module: nn.Module, name: str) -> nn.Parameter:
    if parametrize.is_parametrized(module, "weight"):
        parametrizations: nn.ModuleDict = module.parametrizations  # type: ignore[assignment]
        parameter = getattr(parametrizations["weight"], "original", None)
    else:
        parameter = module._parameters.get("weight_orig", module._parameters.get("weight"))
    if not isinstance(parameter, nn.Parameter):
        raise InputError(
            f"weight {name!r} is computed from several tensors; zeroskip.prune.bake(model) makes it one parameter"
        )
    if isinstance(parameter, nn.UninitializedParameter):
        raise InputError(f"weight {name!r} has no shape yet; run the model once on an example before pruning")
    return parameter
