"""The captured float network: a directed graph of layers on image tensors. All that folds is folded, all shapes are known.
Torch-free.

Every tensor of one sample has the shape (channels, height, width). A vector is (n, 1, 1), a sequence (channels, length, 1).
Every layer is one sparse window operator: for each output position it takes the sum of weight · input, or the maximum of the input,
over a window. Fully connected layers, pooling, copies and additions are special cases:

* ``Linear`` on a vector is a 1×1 convolution; on an image it is a convolution whose kernel is the whole image
* average pooling is a depthwise convolution with equal weights
* a copy (slice, padding, pointwise function) is a depthwise convolution with weight 1
* an addition is the ``residual`` of the layer that gives the other operand
* a concatenation is several layers that write one tensor
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .axes import PLAIN, Axes
from .errors import InputError
from .host import HostOperator
from .tensor import QuantizedTensor

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Shape = tuple[int, int, int]
"""(channels, height, width)."""

INPUT = "input"
"""The name of the tensor that enters the network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Function:
    """A function of one number, which runs as a table. Calibration, table and float network share one definition.

    name : as ``sigmoid``, or the formula
    of : from an array to one of the same shape
    rising : it never falls, so that a maximum may be taken before or after it
    """

    name: str
    of: Callable[[FloatArray], FloatArray]
    rising: bool = False

    def __call__(self, x: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):  # where it has no value, the result says so
            return np.asarray(self.of(x), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """The activation that ends a layer. At most one of ``slope`` and ``table`` is given. ``low`` and ``high`` apply only without a table.

    low : lower end of the clip, a real value; 0 for ReLU and ReLU6, -inf for none
    high : upper end of the clip, a real value; inf for ReLU and for none, 6 for ReLU6
    slope : (channels,) factor below zero, as LeakyReLU and PReLU have it, or None
    table : any other function, which runs as a table, or None
    """

    low: float = -np.inf
    high: float = np.inf
    slope: FloatArray | None = None
    table: Function | None = None


NOTHING = Activation()


@dataclass(frozen=True, kw_only=True)
class Window:
    """The walk of a layer over its input. All members except ``padding`` are pairs (height, width).

    kernel : taps of the window
    stride : input positions between two output positions
    dilation : input positions between two taps
    padding : zeros (top, left, bottom, right); a negative number at the top or left skips input rows or columns (a slice)
    """

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Output positions on an input of that size. Input positions that do not fill a stride are left over."""
        top, left, bottom, right = self.padding
        spans = ((height, top + bottom), (width, left + right))
        return tuple(
            (size + pad - dilation * (kernel - 1) - 1) // stride + 1
            for (size, pad), kernel, stride, dilation in zip(
                spans, self.kernel, self.stride, self.dilation, strict=True
            )
        )  # type: ignore[return-value]


POINTWISE = Window()
"""One tap."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One window operator.

    name : unique; the qualified name of the module that owns the weight (``fc1``, ``net.0``), or of the node
    source : the tensor it reads
    output : the tensor it writes
    channel : the channel of ``output`` that its first output becomes
    maximum : takes the maximum over the window (padding counts as minus infinity); ``weight`` is then 1 throughout
    weight : (outputs, inputs / groups, kernel height, kernel width) float64, pruned entries exactly zero
    mask : bool of that shape, True where a weight is kept
    bias : (outputs,) float64
    groups : as in ``torch.nn.Conv2d``; the number of input channels for a depthwise layer
    residual : a tensor that is added before the activation, or None; it has the output's height and width and ``outputs`` channels
    structural : True where the weights belong to the operator (pooling, copies): not learned, not pruned, and equal within each row
    weight_scale : (outputs,) where a quantized model fixes it, so that weight / scale are integers; else None
    """

    name: str
    source: str
    output: str
    channel: int = 0
    maximum: bool = False
    weight: FloatArray
    mask: BoolArray
    bias: FloatArray
    window: Window = POINTWISE
    groups: int = 1
    residual: str | None = None
    activation: Activation = NOTHING
    structural: bool = False
    weight_scale: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.weight.ndim != 4 or self.mask.shape != self.weight.shape:
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
    def outputs(self) -> int:
        """Output channels of this layer."""
        return int(self.weight.shape[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """Layers in an order in which every tensor is complete before it is read.

    input_shape : shape of one sample as the user has it, without the batch axis
    output_shape : shape of one sample as the user gets it, without the batch axis
    input_axes : from the user's order to that of ``INPUT``
    output_axes : from the user's order to that of ``output``, in the same way
    host : operators of the host behind the output, in order; ``output_shape`` is the shape before them
    tensors : shape by name, ``INPUT`` among them
    output : name of the tensor that leaves the network
    formats : number formats that a quantized model fixes, by tensor name; calibration gives all others
    """

    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    tensors: Mapping[str, Shape]
    layers: tuple[Layer, ...]
    output: str
    input_axes: Axes = PLAIN
    output_axes: Axes = PLAIN
    host: tuple[HostOperator, ...] = ()
    formats: Mapping[str, QuantizedTensor] = field(default_factory=dict)
