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

    lanes : 1 … 64, each with input channels of its own; each takes one nonzero weight on them per cycle
    columns : output positions worked on together, 1 … 16; each lane broadcasts its weight to this many MACs
    epilogues : results of a column that are completed and written together, in different lanes: 1, 2 or 4
    word : bits of one mask word, 8, 16, 32 or 64
    weight_bits : 4, 8 or 16, two's complement
    act_bits : 8
    stream_bits : width of both AXI4-Streams, 8, 16, 32 or 64; one activation per 8 bits
    load_elements : elements of the input that are stored in one cycle, in different lanes; 1, 2, 4 or 8, within a stream beat
    block_queue : a lane's sums wait in block RAM, one cycle more, and not in look-up tables
    strips : True: the columns hold strips of one image; False: samples of a batch, each column a whole one
    maximum : whether the array can take maxima over windows
    residual : whether the array can add residuals
    slopes : whether the array can scale negative values by a slope of their own
    two_level : whether a lane can read masks that are stored in two levels, of very sparse layers
    across : whether the array can add up what the columns have of a window that covers the whole image; with ``strips`` only
    reach : columns between a column and the farthest whose rows it reads
    acc_bits : accumulator width, 8 … 40
    pixel_bits : of a row's or a cell's number within a strip, with its sign
    tile_bits : of the number of output positions that a column works through in a layer
    mask_depth : mask-memory words per lane, layer headers included
    weight_depth : nonzero weights per lane
    input_depth : stored inputs of one sample, in each lane and column
    hidden_depth : activations held between layers, in each lane and column
    copy_depth : activations held to be added later, in each column and for each epilogue; with ``residual`` only
    output_depth : outputs of one sample
    row_depth : output rows over all layers
    layer_depth : layers of the program, 1 … 64
    tap_depth : taps of a lane over all layers
    band_depth : bands of output tiles over all layers
    pass_depth : writes of results that these bands list
    input_row_depth : rows of the input images that are computed together
    channel_depth : steps through the channels of an input pixel
    table_depth : tables of pointwise functions; 0 for none

    The features ``strips`` to ``across`` and ``table_depth`` may be None. ``load_elements``, ``reach``, all bits but those of the words and
    all other depths may be 0. Both mean *sized by the network*. Hardware is elaborated from a sized configuration only.
    """

    lanes: int = 4
    columns: int = 1
    epilogues: int = 1
    word: int = 32
    weight_bits: int = 8
    act_bits: int = 8
    stream_bits: int = 32
    load_elements: int = SIZED_BY_NETWORK
    block_queue: bool = False
    strips: bool | None = None
    maximum: bool | None = None
    residual: bool | None = None
    slopes: bool | None = None
    two_level: bool | None = None
    across: bool | None = None
    reach: int = SIZED_BY_NETWORK
    acc_bits: int = SIZED_BY_NETWORK
    pixel_bits: int = SIZED_BY_NETWORK
    tile_bits: int = SIZED_BY_NETWORK
    mask_depth: int = SIZED_BY_NETWORK
    weight_depth: int = SIZED_BY_NETWORK
    input_depth: int = SIZED_BY_NETWORK
    hidden_depth: int = SIZED_BY_NETWORK
    copy_depth: int = SIZED_BY_NETWORK
    output_depth: int = SIZED_BY_NETWORK
    row_depth: int = SIZED_BY_NETWORK
    layer_depth: int = SIZED_BY_NETWORK
    tap_depth: int = SIZED_BY_NETWORK
    band_depth: int = SIZED_BY_NETWORK
    pass_depth: int = SIZED_BY_NETWORK
    input_row_depth: int = SIZED_BY_NETWORK
    channel_depth: int = SIZED_BY_NETWORK
    table_depth: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "block_queue" and not isinstance(value, bool):
                raise InputError(f"ArrayConfig.block_queue must be true or false, not {value!r}")
            if field.name == "block_queue":
                continue
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
        self._require("epilogues", (1, 2, 4), "1, 2 or 4")
        self._require("word", (8, 16, 32, 64), "8, 16, 32 or 64")
        self._require("weight_bits", (4, 8, 16), "4, 8 or 16")
        self._require("act_bits", (8,), "8")
        self._require("stream_bits", (8, 16, 32, 64), "8, 16, 32 or 64")
        elements = [count for count in (1, 2, 4, 8) if count <= self.stream_elements]
        self._require(
            "load_elements",
            (SIZED_BY_NETWORK, *elements),
            f"{', '.join(map(str, elements))}, or 0 to size it by the network",
        )
        self._require("reach", range(17), "1 … 16, or 0 to size it by the network")
        self._require("pixel_bits", (SIZED_BY_NETWORK, *range(2, 17)), "2 … 16, or 0 to size it by the network")
        self._require("tile_bits", range(25), "1 … 24, or 0 to size it by the network")
        self._require("acc_bits", (SIZED_BY_NETWORK, *range(8, 41)), "8 … 40, or 0 to size it by the network")
        self._require("layer_depth", range(MOST_LAYERS + 1), f"1 … {MOST_LAYERS}, or 0 to size it by the network")
        for name in CAPACITIES:
            self._require(name, range(LARGEST_DEPTH + 1), f"0 … {LARGEST_DEPTH}")
        self._require("table_depth", (None, *range(MOST_TABLES + 1)), f"0 … {MOST_TABLES}, or left to the network")
        if self.strips is False and self.across:
            raise InputError("ArrayConfig.across needs strips, but strips is False")

    def _require(self, name: str, allowed: Any, rule: str) -> None:
        if getattr(self, name) not in allowed:
            raise InputError(f"ArrayConfig.{name} must be {rule}, not {getattr(self, name)}")

    @property
    def sized(self) -> bool:
        """Whether every capacity is known, so that hardware can be elaborated."""
        if any(getattr(self, name) is None for name in (*FEATURES, "table_depth")):
            return False
        needed = [name for name in SIZES if name != "copy_depth" or self.residual]
        return all(getattr(self, name) > 0 for name in needed)

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
    "mask_depth", "weight_depth", "input_depth", "hidden_depth", "copy_depth", "output_depth", "row_depth", "layer_depth", "tap_depth",
    "band_depth", "pass_depth", "input_row_depth", "channel_depth",
)  # fmt: skip
"""The memory depths of an :class:`ArrayConfig`."""

SIZES = ("load_elements", "reach", "acc_bits", "pixel_bits", "tile_bits", *CAPACITIES)
"""All that 0 leaves to the network."""

CHOSEN = ("lanes", "columns", "epilogues")
"""What may be chosen so that an array fits a part."""

FEATURES = ("strips", "maximum", "residual", "slopes", "two_level", "across")
"""Features that an array may have. None leaves the choice to the network."""

PRESETS = {
    "tiny": ArrayConfig(lanes=1),
    "small": ArrayConfig(lanes=4),
    "default": ArrayConfig(lanes=8),
    "batch": ArrayConfig(lanes=4, columns=8),
}
"""Named starting points: ``tiny`` for iCE40, ``small`` and ``default`` for ECP5, ``batch`` for eight columns."""
