"""A node of the exported graph: its names, arguments and shapes, and the parameters behind its operands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from zeroskip.contracts.graph import FloatArray
from zeroskip.frontend.refusal import RefusalError

from .masks import Masks

aten = torch.ops.aten

ROUNDING: frozenset[object] = frozenset({
    aten.fake_quantize_per_tensor_affine.default, aten.fake_quantize_per_tensor_affine.tensor_qparams,
    aten.fake_quantize_per_channel_affine.default,
})  # fmt: skip
"""Operators that round to a number format and stay real. Quantized models are written with them."""


class Parameters:
    """The tensors behind the graph's placeholders, and values that the model computes from them alone.

    stored : placeholder name → (qualified name in the model, value)
    masks : tells which weights are kept
    """

    def __init__(self, stored: Mapping[str, tuple[str, Tensor]], masks: Masks) -> None:
        self.masks = masks
        self._names = {placeholder: name for placeholder, (name, _) in stored.items()}
        self._values: dict[str, Any] = {
            placeholder: value.detach().cpu().double() if value.is_floating_point() else value.detach().cpu()
            for placeholder, (_, value) in stored.items()
        }
        self._own = {value.untyped_storage().data_ptr() for value in self._values.values()}
        self._scales: dict[str, tuple[int, FloatArray]] = {}

    def read(self, node: object, role: str) -> tuple[str, FloatArray]:
        """Name and float64 value of the operand that plays ``role``. The name is qualified for a parameter, the node's own if computed."""
        if not isinstance(node, fx.Node) or not isinstance(self._values.get(node.name), Tensor):
            made_by = f"computed by {operator_name(node)}" if isinstance(node, fx.Node) else repr(node)
            raise RefusalError(f"{role} must be a parameter of the model, not {made_by}")
        value = self._values[node.name]
        return self._names.get(node.name, node.name), np.array(value.to(torch.float64).numpy())

    def constant(self, node: object) -> FloatArray | None:
        """The float64 value of an operand that is a number or a parameter, else None."""
        if isinstance(node, int | float):
            return np.asarray(float(node))
        if isinstance(node, fx.Node) and isinstance(self._values.get(node.name), Tensor):
            return self.read(node, "operand")[1]
        return None

    def tensor(self, node: fx.Node) -> Any:
        """The value of an operand that the model computes from its parameters alone."""
        if node.name not in self._values:
            raise RefusalError(f"must not depend on {node.name!r}, a result of the network, but on constants")
        return self._values[node.name]

    def compute(self, node: fx.Node) -> None:
        """Evaluate, in float64, a node that reads parameters alone. An operator that is random or changes the model is refused."""
        target = node.target
        if isinstance(target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in target.tags:
            raise RefusalError("must not be random")
        if is_in_place(node) and self._belongs_to_the_model(operand(node)):
            raise RefusalError("must not change the model's own tensors in place")
        assert callable(target)
        args: Any
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda read: self._values[read.name])
        if target in ROUNDING:
            self._round(node, *args)
            return
        with torch.no_grad():
            self._values[node.name] = target(*args, **kwargs)

    def weight_scale(self, node: object, outputs_axis: int) -> FloatArray | None:
        """(outputs,) the step between two values of a rounded weight, or None for a weight that was not rounded."""
        if not isinstance(node, fx.Node) or node.name not in self._scales:
            return None
        axis, scale = self._scales[node.name]
        outputs = self._values[node.name].shape[outputs_axis]
        if len(scale) > 1 and axis != outputs_axis:
            raise RefusalError(
                f"weight scales must be one per output, along axis {outputs_axis}, not along axis {axis}"
            )
        return np.broadcast_to(scale, (outputs,)).copy()

    def _round(self, node: fx.Node, values: Any, scale: Any, zero_point: Any, *rest: Any) -> None:
        """Round a weight of a quantized model to multiples of its scale. It keeps the name of the rounded parameter."""
        scales = np.atleast_1d(np.asarray(scale, dtype=np.float64))
        zeros = np.atleast_1d(np.asarray(zero_point))
        axis, low, high = rest if len(rest) == 3 else (0, *rest)
        if not ((scales > 0) & np.isfinite(scales)).all():
            raise RefusalError("scales must be finite and above zero")
        spread, shift = (np.reshape(a, [-1 if i == axis else 1 for i in range(values.ndim)]) for a in (scales, zeros))
        # As the operator does it, in single precision: multiply by the reciprocal, ties to even.
        inverse = np.float32(1) / spread.astype(np.float32)
        stored = np.clip(np.rint(values.numpy().astype(np.float32) * inverse + shift.astype(np.float32)), low, high)
        integers = stored.astype(np.float64) - shift
        self._values[node.name] = torch.from_numpy(integers * spread)
        self._scales[node.name] = (axis, scales)
        source = node.args[0]
        if isinstance(source, fx.Node) and source.name in self._names:
            self._names[node.name] = self._names[source.name]

    def _belongs_to_the_model(self, node: object) -> bool:
        written = self._values[node.name] if isinstance(node, fx.Node) else None
        return isinstance(written, Tensor) and written.untyped_storage().data_ptr() in self._own


def operator_name(node: fx.Node) -> str:
    """``conv2d`` for ``aten.conv2d.default``. ``add`` also where it works in place."""
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target.overloadpacket.__name__)
    return str(getattr(node.target, "__name__", node.target))


def qualified_name(node: fx.Node) -> str:
    """The path of the module that ran the operator, as ``features.3``. In the model's own forward it is the node's name."""
    return module_path(node) or node.name


def module_path(node: fx.Node) -> str:
    """The path of the module that ran the operator. It is empty for the model itself."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    # torch appends "@1" to the path on a module's second call
    return str(stack[-1][0]).partition("@")[0] if stack else ""


def arguments(node: fx.Node) -> dict[str, Any]:
    """The operator's arguments by their names in its schema, defaults filled in."""
    assert isinstance(node.target, torch._ops.OpOverload)
    schema = node.target._schema.arguments
    values = {argument.name: argument.default_value for argument in schema}
    values.update(zip(values, node.args, strict=False))
    return {**values, **node.kwargs}


def is_in_place(node: fx.Node) -> bool:
    """Whether the operator writes into its first operand."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def operand(node: fx.Node) -> object:
    """The operator's first argument: the activation it works on."""
    return next(iter(arguments(node).values()), None)


def shape(node: object) -> tuple[int, ...]:
    """The shape of the tensor that ``node`` gives, batch axis included."""
    assert isinstance(node, fx.Node)
    return tuple(int(size) for size in node.meta["val"].shape)
