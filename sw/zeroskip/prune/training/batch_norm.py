"""BatchNorm statistics of a model whose weights have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.layer_inputs import EnoughError, Users, watching
from zeroskip.prune.model.batches import InputBatch, unpack_inputs
from zeroskip.prune.model.preserve import preserving


def reestimate(
    model: nn.Module, batches: Iterable[InputBatch], *, progress: Callable[[str], None] | None = None
) -> None:
    """Set every BatchNorm's running mean and variance to those of its inputs over all ``batches``, in place.

    Nothing else changes: not the momentum, the count of batches, or any mode. No label is needed.

    The statistics are exact: the plain mean and the unbiased variance over all samples and positions, for every division into batches. Each
    layer sees the layers before it with their new statistics, as in evaluation. Other modules run in evaluation mode.

    batches : inputs, or (input, target) pairs whose targets are ignored. Several batches are read once for each BatchNorm and once more.
        A single batch is run twice in all, so one large batch is the fastest if it fits in memory.
    progress : called with a line before each layer

    A model is left as it is if it has no BatchNorm with running statistics, or none that the inputs reach.

    Raises InputError for no batches, batches that can be read only once, fewer than two values per channel, and inputs with NaN or
    infinity. The statistics are then as before.
    """
    if isinstance(batches, Iterator):
        raise InputError("batches must be a list or DataLoader, read anew for each layer, not an iterator")
    layers = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    }
    found: dict[str, _Moments] = {}

    def settle(name: str, moments: _Moments) -> None:
        moments.check(name)
        found[name] = moments
        moments.write(layers[name])  # so that the layers behind it see the new statistics

    # This puts the statistics back too, so that after an error no layer is half done.
    with preserving(model, []), torch.no_grad():
        random_state = torch.random.get_rng_state()
        order, count = _order(model, layers, batches)
        if count == 1:
            torch.random.set_rng_state(random_state)
            with watching(_alone(layers), lambda name, module, x: settle(name, _Moments.of(x))):
                _run(model, batches)
        else:
            for number, (name, calls) in enumerate(order.items(), 1):
                if progress is not None:
                    progress(f"BatchNorm {name}, {number} of {len(order)}")
                torch.random.set_rng_state(random_state)  # so that shuffling shows every layer the same batches
                settle(name, _moments(model, name, layers[name], calls, batches))
    for name, moments in found.items():
        moments.write(layers[name])


def _alone(layers: dict[str, _BatchNorm]) -> Users:
    return {name: (module,) for name, module in layers.items()}


def _run(model: nn.Module, batches: Iterable[InputBatch]) -> int:
    device = next((value.device for value in (*model.parameters(), *model.buffers())), torch.device("cpu"))
    count = 0
    for count, batch in enumerate(batches, 1):
        with suppress(EnoughError):
            model(*unpack_inputs(batch, count - 1, device))
    if count == 0:
        raise InputError("batches must hold at least one input, but is empty")
    return count


def _order(
    model: nn.Module, layers: dict[str, _BatchNorm], batches: Iterable[InputBatch]
) -> tuple[dict[str, int], int]:
    """The layers in the order of their first run, with the number of runs per pass, and the number of batches."""
    calls: list[str] = []
    with watching(_alone(layers), lambda name, module, x: calls.append(name)):
        count = _run(model, batches)
    return {name: max(calls.count(name) // count, 1) for name in dict.fromkeys(calls)}, count


@dataclass(frozen=True)
class _Moments:
    """Moments of a layer's inputs.

    count : values per channel
    mean : (channels,) float64
    squares : (channels,) float64, sum of the squared distances from the mean
    """

    count: int
    mean: torch.Tensor
    squares: torch.Tensor

    @classmethod
    def of(cls, x: torch.Tensor) -> _Moments:
        rows = x.detach().double().movedim(1, 0).flatten(1)
        mean = rows.mean(1)
        return cls(rows.shape[1], mean, (rows - mean[:, None]).square().sum(1))

    def with_(self, other: _Moments) -> _Moments:
        """The moments of both together (Chan, Golub & LeVeque, 1979)."""
        count = self.count + other.count
        apart = other.mean - self.mean
        return _Moments(
            count,
            self.mean + apart * (other.count / count),
            self.squares + other.squares + apart.square() * (self.count * other.count / count),
        )

    def check(self, name: str) -> None:
        if self.count < 2:
            raise InputError(f"batches must give BatchNorm {name!r} two values per channel or more, not {self.count}")
        if not torch.isfinite(self.squares).all():
            raise InputError(f"inputs of BatchNorm {name!r} must be finite, but hold NaN or infinity")

    @torch.no_grad()
    def write(self, layer: _BatchNorm) -> None:
        assert layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.copy_(self.mean)
        layer.running_var.copy_(self.squares / (self.count - 1))


def _moments(model: nn.Module, name: str, layer: _BatchNorm, calls: int, batches: Iterable[InputBatch]) -> _Moments:
    """The moments of the layer's input over all batches."""
    found: list[_Moments] = []
    number = 0

    def see(name: str, module: nn.Module, x: torch.Tensor) -> None:
        nonlocal number
        number += 1
        here = _Moments.of(x)
        found[:] = [found[0].with_(here) if found else here]
        if number % calls == 0:
            raise EnoughError

    with watching({name: (layer,)}, see):
        _run(model, batches)
    return found[0]
