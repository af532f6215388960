"""The kept weights make up for the removed ones: least squares, layer by layer, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import torch
from torch import nn
from torch.nn.utils import parametrize

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import apply, check
from zeroskip.prune.masks.layer_inputs import EnoughError, Inputs, Users, columns, unpacked, users, watching
from zeroskip.prune.masks.weights import Weight, prunable
from zeroskip.prune.model.batches import InputBatch
from zeroskip.prune.model.preserve import preserving

from .obs_elimination import CHUNK, damped


def reconstruct(
    model: nn.Module,
    masks: Mapping[str, torch.Tensor],
    batches: Sequence[InputBatch],
    *,
    damping: float = 0.01,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Set the removed weights to zero and choose the kept ones anew, in place, so that each layer gives nearly what it gave before.

    The layers are fitted in the order in which the model runs them. Each layer sees the inputs that the already pruned layers before it
    give. Its kept weights become those whose output has the least squared distance from the dense model's output on the dense model's
    inputs. So the layer makes up for the layers before it, too. Layers that lose nothing stay as they are, and so do biases, BatchNorm, and
    weights that are zero already. Source: He, Zhang & Sun, *Channel Pruning for Accelerating Very Deep Neural Networks*, ICCV 2017, taken
    per weight. The updates of Optimal Brain Surgeon add up to the same step.

    model : runs in evaluation mode; modes, gradients and buffers are afterwards as before
    masks : as :func:`magnitude` returns them
    batches : inputs, or (input, target) pairs whose targets are not looked at; read once for every layer. A thousand images are usually
        enough
    damping : share of the mean squared input with which a weight's distance from its old value counts, above 0
    progress : called with a line before each layer

    Raises InputError for masks that do not fit, no or unusable batches, a damping of 0 or less, and a parametrized weight.
    """
    check_damping(damping)
    check(model, masks)
    weights = {name: weight for name, weight in prunable(model).items() if name in masks and not masks[name].all()}
    for name, weight in weights.items():
        if parametrize.is_parametrized(weight.module, "weight"):
            raise InputError(f"weight {name!r} is parametrized and cannot be set; remove its parametrizations first")
    batches = list(batches)
    device = next(model.parameters()).device
    dense = {name: weight.parameter.detach().clone() for name, weight in weights.items()}
    pruned = dict(dense)
    with preserving(model, []), torch.no_grad():
        layers = users(model)
        calls = _calls(model, {name: layers[name] for name in weights}, next(unpacked(batches, device)))
        try:
            for number, name in enumerate(calls, start=1):
                if progress is not None:
                    progress(f"reconstructing {name}, {number} of {len(calls)}")
                layer = {name: layers[name]}
                moments = products = torch.zeros((), dtype=torch.float64, device=device)
                for inputs in unpacked(batches, device):
                    _put(weights, dense)
                    wanted = _inputs(model, layer, inputs, calls[name])
                    _put(weights, pruned)
                    seen = _inputs(model, layer, inputs, calls[name])
                    for x, y in zip(wanted, seen, strict=True):
                        moments = moments + (y @ y.mT).double()
                        products = products + (x @ y.mT).double()
                old = weights[name].effective
                kept = masks[name].to(device) & (old != 0)
                pruned[name] = _solved(old, kept, moments, products, damping).to(old.dtype)
        except BaseException:
            _put(weights, dense)
            raise
        _put(weights, pruned)
        apply(model, masks)


def check_damping(damping: float) -> None:
    """Raises InputError unless it is above 0."""
    if not damping > 0:
        raise InputError(f"damping must be above 0, not {damping!r}")


def _inputs(model: nn.Module, layer: Users, inputs: Inputs, calls: int) -> list[torch.Tensor]:
    """The columns that one layer sees in each of its ``calls``. The model is not run beyond the last of them."""
    found: list[torch.Tensor] = []

    def see(name: str, module: nn.Module, x: torch.Tensor) -> None:
        found.append(columns(module, x))
        if len(found) == calls:
            raise EnoughError

    with watching(layer, see), suppress(EnoughError):
        model(*inputs)
    return found


def _calls(model: nn.Module, layers: Users, inputs: Inputs) -> dict[str, int]:
    """How often each layer runs, in the order of its first run. Layers that do not run are absent."""
    calls: dict[str, int] = {}

    def count(name: str, module: nn.Module, x: torch.Tensor) -> None:
        calls[name] = calls.get(name, 0) + 1

    with watching(layers, count):
        model(*inputs)
    return calls


def _put(weights: Mapping[str, Weight], values: Mapping[str, torch.Tensor]) -> None:
    for name, weight in weights.items():
        weight.parameter.copy_(values[name])


def _solved(
    weight: torch.Tensor, mask: torch.Tensor, moments: torch.Tensor, products: torch.Tensor, damping: float
) -> torch.Tensor:
    """The kept weights w of least ‖w·x − weight·x'‖² + added · ‖w − weight‖², in the weight's shape.

    weight : the dense weight
    mask : True where a weight is kept, in the weight's shape
    moments : (groups, n, n), Σ x·xᵀ
    products : (groups, n, n), Σ x'·xᵀ, where x' are the dense model's inputs
    damping : as for :func:`reconstruct`
    """
    groups, n = moments.shape[:2]
    result = []
    for part, kept, moment, product in zip(
        weight.double().reshape(groups, -1, n), mask.reshape(groups, -1, n), moments, products, strict=True
    ):
        matrix = damped(moment, damping)
        wanted = part @ (product + matrix - moment)
        for rows, chosen in zip(*(torch.split(t, max(1, CHUNK // (n * n))) for t in (wanted, kept)), strict=True):
            # Each removed weight gets an equation of its own, w = 0.
            both = chosen[:, :, None] & chosen[:, None, :]
            equations = torch.where(both, matrix, torch.diag_embed((~chosen).double()))
            result.append(torch.linalg.solve(equations, torch.where(chosen, rows, 0.0)))
    return torch.cat(result).reshape(weight.shape)
