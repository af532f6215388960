"""The parameters of the array. The hardware is a function of this value alone; the network is data in its memories."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import InputError

SIZED_BY_NETWORK = 0
"""A capacity of 0 is left to :func:`zeroskip.compile`, which sizes it to the network."""

LARGEST_DEPTH = (1 << 20) - 1
MOST_LAYERS = 64
MOST_TABLES = 16
"""Limits of the capacities."""


@dataclass(frozen=True, kw_only=True)
class ArrayConfig:
    """One sparse MAC array.

    lanes : decoders working side by side, 1 … 64; each issues one nonzero weight per cycle
    columns : output positions worked on together, 1 … 16; each lane broadcasts its weight to this many MACs
    word : bits of one mask word, 8, 16, 32 or 64
    weight_bits : 4, 8 or 16, two's complement
    act_bits : 8
    stream_bits : width of both AXI4-Streams, 8, 16, 32 or 64; one activation per 8 bits
    strips : True: the columns hold strips of one image, for convolutions; False: samples of a batch, for fully connected chains
    maximum : whether the array can take maxima over windows
    residual : whether the array can add residuals
    slopes : whether the array can scale negative values by a slope of their own
    acc_bits : accumulator width, 8 … 40
    mask_depth : mask-memory words per lane, layer headers included
    weight_depth : nonzero weights per lane
    input_depth : stored inputs of one sample, in each column
    hidden_depth : activations held between layers, in each column
    output_depth : outputs of one sample
    row_depth : output rows over all layers
    layer_depth : layers of the program, 1 … 64
    offset_depth : mask-word positions over all layers; with ``strips`` only
    band_depth : bands of output tiles over all layers; with ``strips`` only
    pass_depth : writes into the hidden and output buffers that these bands list; with ``strips`` only
    input_band_depth : rows of the input image; with ``strips`` only
    input_pass_depth : writes into the input buffer that these rows list; with ``strips`` only
    table_depth : tables of pointwise functions; 0 for none

    ``strips``, ``maximum``, ``residual``, ``slopes`` and ``table_depth`` may be None. ``acc_bits`` and the other depths may be 0. Both mean
    *sized by the network*. Hardware is elaborated from a sized configuration only.
    """

    lanes: int = 4
    columns: int = 1
    word: int = 32
    weight_bits: int = 8
    act_bits: int = 8
    stream_bits: int = 32
    strips: bool | None = None
    maximum: bool | None = None
    residual: bool | None = None
    slopes: bool | None = None
    acc_bits: int = SIZED_BY_NETWORK
    mask_depth: int = SIZED_BY_NETWORK
    weight_depth: int = SIZED_BY_NETWORK
    input_depth: int = SIZED_BY_NETWORK
    hidden_depth: int = SIZED_BY_NETWORK
    output_depth: int = SIZED_BY_NETWORK
    row_depth: int = SIZED_BY_NETWORK
    layer_depth: int = SIZED_BY_NETWORK
    offset_depth: int = SIZED_BY_NETWORK
    band_depth: int = SIZED_BY_NETWORK
    pass_depth: int = SIZED_BY_NETWORK
    input_band_depth: int = SIZED_BY_NETWORK
    input_pass_depth: int = SIZED_BY_NETWORK
    table_depth: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in FEATURES:
                if value is not None and not isinstance(value, bool):
                    raise InputError(
                        f"ArrayConfig.{field.name} must be true, false, or left to the network, not {value!r}"
                    )
            elif (isinstance(value, bool) or not isinstance(value, int)) and (value, field.name) != (
                None,
                "table_depth",
            ):
                raise InputError(f"ArrayConfig.{field.name} must be an integer, not {value!r}")
        self._require("lanes", range(1, 65), "1 … 64")
        self._require("columns", range(1, 17), "1 … 16")
        self._require("word", (8, 16, 32, 64), "8, 16, 32 or 64")
        self._require("weight_bits", (4, 8, 16), "4, 8 or 16")
        self._require("act_bits", (8,), "8")
        self._require("stream_bits", (8, 16, 32, 64), "8, 16, 32 or 64")
        self._require("acc_bits", (SIZED_BY_NETWORK, *range(8, 41)), "8 … 40, or 0 to size it by the network")
        self._require("layer_depth", range(MOST_LAYERS + 1), f"1 … {MOST_LAYERS}, or 0 to size it by the network")
        for name in (*CAPACITIES, *STRIP_CAPACITIES):
            self._require(name, range(LARGEST_DEPTH + 1), f"0 … {LARGEST_DEPTH}")
        self._require("table_depth", (None, *range(MOST_TABLES + 1)), f"0 … {MOST_TABLES}, or left to the network")
        if self.strips is False:
            for name in ("maximum", "residual", "slopes", "table_depth"):
                if getattr(self, name):
                    raise InputError(f"ArrayConfig.{name} needs strips, but strips is False")

    def _require(self, name: str, allowed: Any, rule: str) -> None:
        if getattr(self, name) not in allowed:
            raise InputError(f"ArrayConfig.{name} must be {rule}, not {getattr(self, name)}")

    @property
    def sized(self) -> bool:
        """Whether every capacity is known, so that hardware can be elaborated."""
        if any(getattr(self, name) is None for name in (*FEATURES, "table_depth")):
            return False
        depths = (*CAPACITIES, *STRIP_CAPACITIES) if self.strips else CAPACITIES
        return self.acc_bits > 0 and all(getattr(self, name) > 0 for name in depths)

    @property
    def stream_elements(self) -> int:
        """Activations in one beat of either stream."""
        return self.stream_bits // 8

    def with_sizes(self, **sizes: int) -> ArrayConfig:
        """Fill every open feature and capacity from ``sizes``. What is given already stays."""
        optional = (*FEATURES, "table_depth")
        wanted: dict[str, Any] = {
            name: value
            for name, value in sizes.items()
            if getattr(self, name) is None or (name not in optional and getattr(self, name) == 0)
        }
        return replace(self, **wanted)

    def to_json(self) -> dict[str, int | bool | None]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], *, where: str = "ArrayConfig") -> ArrayConfig:
        """Read what :meth:`to_json` wrote; ``where`` names the file in the refusal of an unknown key."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(f"{where}: unknown option {unknown[0]!r}; allowed are {', '.join(sorted(known))}")
        return cls(**values)

    @property
    def digest(self) -> int:
        """32-bit fingerprint, readable in the hardware's CONFIG_ID register."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


CAPACITIES = (
    "mask_depth", "weight_depth", "input_depth", "hidden_depth", "output_depth", "row_depth", "layer_depth",
)  # fmt: skip
"""The memory depths of an :class:`ArrayConfig` that every array has."""

STRIP_CAPACITIES = ("offset_depth", "band_depth", "pass_depth", "input_band_depth", "input_pass_depth")
"""The memory depths that only an array with strips has."""

FEATURES = ("strips", "maximum", "residual", "slopes")
"""Features that an array may have. None leaves the choice to the network."""

PRESETS = {
    "tiny": ArrayConfig(lanes=1),
    "small": ArrayConfig(lanes=4),
    "default": ArrayConfig(lanes=8),
    "batch": ArrayConfig(lanes=4, columns=8),
}
"""Named starting points: ``tiny`` for iCE40, ``small`` and ``default`` for ECP5, ``batch`` for eight columns."""
