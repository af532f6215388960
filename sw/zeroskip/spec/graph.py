"""The float network as captured: supported operators only, BatchNorm folded, shapes known. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import InputError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearLayer:
    """``y = activation(weight @ x + bias)``, with the pruned entries of ``weight`` exactly zero.

    name : unique within the graph: the qualified name of the module that owns the weight, ``fc1`` or ``net.0``
    weight : (outputs, inputs) float64
    mask : (outputs, inputs) bool, True where a weight is kept
    bias : (outputs,) float64, zeros where the module has none
    relu : whether the layer ends in ReLU
    """

    name: str
    weight: FloatArray
    mask: BoolArray
    bias: FloatArray
    relu: bool

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.mask.shape != self.weight.shape:
            raise InputError(
                f"layer {self.name!r}: mask must have the weight's shape {self.weight.shape}, not {self.mask.shape}"
            )
        if self.bias.shape != self.weight.shape[:1]:
            raise InputError(
                f"layer {self.name!r}: bias must have shape {self.weight.shape[:1]}, not {self.bias.shape}"
            )
        for what, values in (("weight", self.weight), ("bias", self.bias)):
            if not np.isfinite(values).all():
                raise InputError(f"layer {self.name!r}: {what} must be finite, but holds NaN or infinity")

    @property
    def inputs(self) -> int:
        return int(self.weight.shape[1])

    @property
    def outputs(self) -> int:
        return int(self.weight.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A chain of layers; ``input_shape`` and ``output_shape`` are those of one sample, without the batch axis."""

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    layers: tuple[LinearLayer, ...]
