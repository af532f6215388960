"""The inputs of the layers: the columns that a layer's weights are multiplied with, and their second moments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import pad, unfold

from zeroskip.contracts.errors import InputError
from zeroskip.prune.model.batches import InputBatch, unpack_inputs

from .weights import PRUNABLE, prunable

Inputs = tuple[torch.Tensor, ...]
"""The positional inputs of a model."""

Users = Mapping[str, tuple[nn.Module, ...]]
"""The modules that work with a prunable weight, by its name. A shared weight has more than one."""


class EnoughError(Exception):
    """Ends a forward pass when enough of it is known. A ``call`` of :func:`watching` raises it."""


def columns(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The input of a Linear, Conv1d or Conv2d as the matrix that its weight is multiplied with.

    Returns (groups, inputs / groups · taps, positions). With the weight reshaped to (groups, outputs / groups, inputs / groups · taps),
    their product is the layer's output less its bias. Positions run over samples, then over output positions.
    """
    if isinstance(module, nn.Linear):
        return x.reshape(-1, x.shape[-1]).T[None]
    assert isinstance(module, (nn.Conv1d, nn.Conv2d))
    flat = isinstance(module, nn.Conv1d)
    if x.ndim == (2 if flat else 3):  # one sample without a batch axis
        x = x[None]
    sides = (
        module._reversed_padding_repeated_twice
    )  # as pad wants them, and resolved where padding is "same" or "valid"
    x = pad(x, sides) if module.padding_mode == "zeros" else pad(x, sides, mode=module.padding_mode)
    kernel, stride, dilation = (
        (1, *given) if flat else tuple(given) for given in (module.kernel_size, module.stride, module.dilation)
    )
    taps = unfold(x[:, :, None] if flat else x, kernel, dilation=dilation, stride=stride)
    samples, rows, positions = taps.shape
    grouped = taps.reshape(samples, module.groups, rows // module.groups, positions)
    return grouped.permute(1, 2, 0, 3).reshape(module.groups, rows // module.groups, samples * positions)


def users(model: nn.Module) -> Users:
    """The modules of every prunable weight. Raises InputError as :func:`prunable` does."""
    owners = [module for module in model.modules() if isinstance(module, PRUNABLE)]
    shared = {id(module): [other for other in owners if _parameter(other) is _parameter(module)] for module in owners}
    return {name: tuple(shared[id(weight.module)]) for name, weight in prunable(model).items()}


def _parameter(module: nn.Module) -> nn.Parameter | None:
    own = module._parameters
    if "weight_orig" in own or "weight" in own:
        return own.get("weight_orig", own.get("weight"))
    parametrizations: nn.ModuleDict = module.parametrizations  # type: ignore[assignment]
    return parametrizations["weight"].original  # type: ignore[return-value]


def unpacked(batches: Sequence[InputBatch], device: torch.device) -> Iterator[Inputs]:
    """The model's inputs of each batch, on ``device``. Raises InputError for unusable batches, and for none."""
    if not batches:
        raise InputError("batches must hold at least one input, but is empty")
    for index, batch in enumerate(batches):
        yield unpack_inputs(batch, index, device)


def second_moments(model: nn.Module, batches: Sequence[InputBatch], names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Σ over samples and positions of x·xᵀ for the columns x of each layer: (groups, n, n) float64, n inputs per output.

    model : in evaluation mode; layers that it does not run are absent
    """
    moments: dict[str, torch.Tensor] = {}

    def add(name: str, module: nn.Module, x: torch.Tensor) -> None:
        seen = columns(module, x)
        moment = (seen @ seen.mT).double()
        moments[name] = moments[name] + moment if name in moments else moment

    known = users(model)
    with torch.no_grad(), watching({name: known[name] for name in names}, add):
        for inputs in unpacked(batches, next(model.parameters()).device):
            model(*inputs)
    for name, moment in moments.items():
        if not torch.isfinite(moment).all():
            raise InputError(f"inputs of layer {name!r} must be finite, but hold NaN or infinity")
    return moments


@contextmanager
def watching(layers: Users, call: Callable[[str, nn.Module, torch.Tensor], None]) -> Iterator[None]:
    """Call ``call(name, module, input)`` before each run of these layers' modules."""

    def hook(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], dict[str, torch.Tensor]], None]:
        return lambda module, given, named: call(name, module, (given[0] if given else named["input"]).detach())

    handles = [
        module.register_forward_pre_hook(hook(name), with_kwargs=True)
        for name, modules in layers.items()
        for module in modules
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
