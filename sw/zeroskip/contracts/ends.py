"""The two ends of a network as a host sees them: floats ↔ integers ↔ the bytes of a sample on a stream. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import PLAIN, Axes
from .errors import InputError
from .graph import INPUT, FloatArray, Shape
from .network import IntArray, QuantizedNetwork
from .streams import from_stream, to_stream
from .tensor import QuantizedTensor


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a network.

    what : ``input`` or ``output``, for refusals
    shape : of one sample as the user has it
    planes : (channels, height, width) of the same
    axes : from the one order to the other
    format : its integers
    """

    what: str
    shape: tuple[int, ...]
    planes: Shape
    format: QuantizedTensor
    axes: Axes = PLAIN

    @classmethod
    def input_of(cls, network: QuantizedNetwork) -> End:
        planes = network.shapes[INPUT]
        return cls(
            what="input", shape=network.input_shape, planes=planes, format=network.input, axes=network.input_axes
        )

    @classmethod
    def output_of(cls, network: QuantizedNetwork) -> End:
        planes = network.shapes[network.output_name]
        return cls(
            what="output", shape=network.output_shape, planes=planes, format=network.output, axes=network.output_axes
        )

    @property
    def size(self) -> int:
        """Activations, and bytes, of one sample."""
        channels, height, width = self.planes
        return channels * height * width

    def quantize(self, x: npt.ArrayLike) -> IntArray:
        """``round(x / scale) + zero_point``, half to even, saturated to the format.

        x : (N, *shape) real numbers in the units of the float network; infinities saturate

        Returns (N, *shape) int64. Raises InputError for NaN, another shape, or a dtype that is not real.
        """
        values = np.asarray(x)
        if not (np.issubdtype(values.dtype, np.floating) or np.issubdtype(values.dtype, np.integer)):
            raise InputError(f"{self.what}: dtype must be float, not {values.dtype}")
        self._require_shape(values.shape)
        if np.isnan(values).any():
            raise InputError(f"{self.what}: must hold no NaN")
        with np.errstate(over="ignore"):
            integers = np.rint(values.astype(np.float64) / self.format.scale) + self.format.zero_point
        return np.asarray(np.clip(integers, self.format.low, self.format.high), dtype=np.int64)

    def dequantize(self, y: npt.ArrayLike) -> FloatArray:
        """``scale * (y - zero_point)``, (N, *shape) float64.

        Raises InputError for another shape or a dtype that is not integer.
        """
        values = np.asarray(y)
        if not np.issubdtype(values.dtype, np.integer):
            raise InputError(f"{self.what}: dtype must be integer, not {values.dtype}")
        self._require_shape(values.shape)
        return self.format.scale * (values.astype(np.float64) - self.format.zero_point)

    def to_bytes(self, values: IntArray) -> list[bytes]:
        """(N, *shape) integers → the bytes of each sample in the order of the stream, two's complement where signed."""
        return [row.tobytes() for row in (to_stream(values, self.planes, self.axes) & 0xFF).astype(np.uint8)]

    def from_bytes(self, samples: Sequence[bytes]) -> IntArray:
        """The inverse of :meth:`to_bytes`, int64. Every sample must have ``size`` bytes."""
        kind = np.int8 if self.format.signed else np.uint8
        values = np.frombuffer(b"".join(samples), dtype=kind).reshape(len(samples), self.size)
        return from_stream(values, self.planes, self.shape, self.axes)

    def to_json(self) -> dict[str, Any]:
        return {
            "shape": list(self.shape), "planes": list(self.planes), "axes": asdict(self.axes), "format": asdict(self.format),
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: dict[str, Any], what: str) -> End:
        channels, height, width = values["planes"]
        format = QuantizedTensor(**values["format"])
        axes = Axes(**{name: tuple(numbers) for name, numbers in values["axes"].items()})
        return cls(what=what, shape=tuple(values["shape"]), planes=(channels, height, width), format=format, axes=axes)

    def _require_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) == 0 or shape[1:] != self.shape:
            wanted = ", ".join(("N", *map(str, self.shape)))
            raise InputError(f"{self.what}: shape must be ({wanted}), not {shape}")
