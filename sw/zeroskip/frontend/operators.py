"""The supported operators: one reader each, from a node of the exported graph to a step. A new operator is a new reader here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from zeroskip.spec.errors import InputError
from zeroskip.spec.graph import FloatArray

from .masks import Masks
from .steps import AffineStep, LinearStep, ReluStep, Step

aten = torch.ops.aten


class RefusalError(Exception):
    """Why a node cannot be built: the second half of its clause in the UnsupportedError."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The tensors behind the graph's placeholders.

    tensors : placeholder name → (qualified name in the model, value)
    masks : which weights are kept
    """

    tensors: Mapping[str, tuple[str, Tensor]]
    masks: Masks

    def read(self, node: object, role: str) -> tuple[str, FloatArray]:
        """The qualified name and float64 value of the operand that plays ``role``."""
        if not isinstance(node, fx.Node) or node.name not in self.tensors:
            made_by = f"computed by {operator_name(node)}" if isinstance(node, fx.Node) else repr(node)
            raise RefusalError(f"{role} must be a parameter of the model, not {made_by}")
        name, tensor = self.tensors[node.name]
        return name, np.array(tensor.detach().to("cpu", torch.float64).numpy())


def operator_name(node: fx.Node) -> str:
    """``conv2d`` for ``aten.conv2d.default``."""
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target.overloadpacket.__name__)
    return str(getattr(node.target, "__name__", node.target))


def qualified_name(node: fx.Node) -> str:
    """The path of the module that ran the operator, ``features.3``; the node's own name in the model's forward itself."""
    return _module_path(node) or node.name


def arguments(node: fx.Node) -> dict[str, Any]:
    """The operator's arguments by their names in its schema, defaults filled in."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema.arguments
    values = {argument.name: argument.default_value for argument in schema}
    values.update(zip(values, node.args, strict=False))
    return {**values, **node.kwargs}


def operand(node: fx.Node) -> object:
    """The operator's first argument: the activation it works on."""
    return next(iter(arguments(node).values()), None)


def shape(node: object) -> tuple[int, ...]:
    """The shape of the tensor that ``node`` gives, batch axis included."""
    assert isinstance(node, fx.Node)
    return tuple(int(size) for size in node.meta["val"].shape)


def _linear(node: fx.Node, parameters: Parameters) -> Step:
    given = arguments(node)
    _require_features(given["input"])
    target, weight = parameters.read(given["weight"], "weight")
    bias = np.zeros(len(weight)) if given["bias"] is None else parameters.read(given["bias"], "bias")[1]
    path = _module_path(node)
    own = f"{path}.weight" if path else "weight"
    owner = own if own in parameters.masks.aliases(target) else target
    name = owner.removesuffix("weight").removesuffix(".") or "linear"
    mask = parameters.masks.keep(owner, weight)
    if not np.isfinite(weight).all():
        raise InputError(f"layer {name!r}: weight must be finite, but holds NaN or infinity")
    return LinearStep(name=name, weight=np.where(mask, weight, 0.0), mask=mask, bias=bias)


def _batch_norm(node: fx.Node, parameters: Parameters) -> Step:
    given = arguments(node)
    _require_features(given["input"])
    if given["training"]:
        raise RefusalError("must be in eval mode and have running statistics (track_running_stats=True)")
    mean = parameters.read(given["running_mean"], "running_mean")[1]
    variance = parameters.read(given["running_var"], "running_var")[1]
    weight = np.ones_like(mean) if given["weight"] is None else parameters.read(given["weight"], "weight")[1]
    bias = np.zeros_like(mean) if given["bias"] is None else parameters.read(given["bias"], "bias")[1]
    with np.errstate(all="ignore"):
        scale = weight / np.sqrt(variance + given["eps"])
        shift = bias - mean * scale
    name = qualified_name(node)
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise InputError(f"layer {name!r}: batch_norm scale and shift must be finite, but hold NaN or infinity")
    return AffineStep(name=name, scale=scale, shift=shift)


def _relu(node: fx.Node, parameters: Parameters) -> Step:
    return ReluStep(name=qualified_name(node))


def _flatten(node: fx.Node, parameters: Parameters) -> None:
    before, after = shape(operand(node)), shape(node)
    if after not in (before, (before[0], math.prod(before[1:]))):
        raise RefusalError(
            f"may only flatten each sample, {before} to {(before[0], math.prod(before[1:]))}, not to {after}"
        )


def _dropout(node: fx.Node, parameters: Parameters) -> None:
    if arguments(node)["train"]:
        raise RefusalError("must be in eval mode")


def _identity(node: fx.Node, parameters: Parameters) -> None:
    source = operand(node)
    assert isinstance(source, fx.Node)
    before, after = source.meta["val"].dtype, node.meta["val"].dtype
    if before != after:
        raise RefusalError(f"may not change the dtype, {before} to {after}")


Reader = Callable[[fx.Node, Parameters], Step | None]

READERS: dict[object, Reader] = {
    aten.linear.default: _linear,
    aten.batch_norm.default: _batch_norm,
    aten.relu.default: _relu,
    aten.relu_.default: _relu,
    aten.flatten.using_ints: _flatten,
    aten.view.default: _flatten,
    aten.reshape.default: _flatten,
    aten.dropout.default: _dropout,
    aten.dropout_.default: _dropout,
    aten.feature_dropout.default: _dropout,
    aten.alpha_dropout.default: _dropout,
    aten.contiguous.default: _identity,
    aten.clone.default: _identity,
    aten.detach.default: _identity,
    aten.to.dtype: _identity,
}
"""Operator → reader. A reader returns the step, or None for an operator that leaves the numbers as they are; it raises RefusalError."""

SUPPORTED = "linear, batch_norm, relu, flatten, view, reshape, dropout, identity"


def _module_path(node: fx.Node) -> str:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    # torch appends "@1" to the path on a module's second call
    return str(stack[-1][0]).partition("@")[0] if stack else ""


def _require_features(node: object) -> None:
    if len(shape(node)) != 2:
        raise RefusalError(f"input must be (batch, features), not {shape(node)}")
