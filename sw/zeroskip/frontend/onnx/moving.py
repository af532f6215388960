"""ONNX operators that move elements and change none, as functions of torch tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zeroskip.frontend.refusal import RefusalError

from .attributes import Attributes, Function, numbers, pad_image
from .network import Operand, as_tensor


def reshape(attributes: Attributes, x: Tensor, shape: Operand = None) -> Tensor:
    """Reshape; 0 copies an axis."""
    wanted = [int(n) for n in (attributes["shape"] if shape is None else numbers(shape))]
    if not attributes.get("allowzero", 0):
        wanted = [x.shape[axis] if n == 0 else n for axis, n in enumerate(wanted)]
    return x.reshape(wanted)


def flatten(attributes: Attributes, x: Tensor) -> Tensor:
    """Flatten to two axes."""
    axis = int(attributes.get("axis", 1))
    rows = math.prod(x.shape[: axis + x.ndim if axis < 0 else axis])
    return x.reshape(rows, -1)


def squeeze(attributes: Attributes, x: Tensor, axes: Operand = None) -> Tensor:
    """Squeeze."""
    over = attributes.get("axes") if axes is None else numbers(axes)
    return x.squeeze() if over is None else x.squeeze(tuple(over))


def unsqueeze(attributes: Attributes, x: Tensor, axes: Operand = None) -> Tensor:
    """Unsqueeze."""
    over = attributes["axes"] if axes is None else numbers(axes)
    rank = x.ndim + len(over)
    for axis in sorted(axis % rank for axis in over):
        x = x.unsqueeze(axis)
    return x


def pad(
    attributes: Attributes, x: Tensor, amounts: Operand = None, value: Operand = None, axes: Operand = None
) -> Tensor:
    """Pad."""
    mode = attributes.get("mode", b"constant").decode()
    both = [int(n) for n in (attributes["pads"] if amounts is None else numbers(amounts))]
    over = list(range(x.ndim)) if axes is None else [int(axis) % x.ndim for axis in numbers(axes)]
    fill = attributes.get("value", 0.0) if value is None else numbers(value)[0]
    before, after = [0] * x.ndim, [0] * x.ndim
    for position, axis in enumerate(over):
        before[axis], after[axis] = both[position], both[position + len(over)]
    if mode == "constant":
        return pad_image(x, before, after, float(fill))
    for axis, (first, last) in enumerate(zip(before, after, strict=True)):
        if first or last:
            x = x.index_select(axis, torch.tensor(_around(x.shape[axis], first, last, mode)))
    return x


def _around(length: int, before: int, after: int, mode: str) -> list[int]:
    """The places along an axis that padding by the tensor's own elements takes."""
    places = np.arange(-before, length + after)
    if mode == "edge":
        return np.clip(places, 0, length - 1).tolist()  # type: ignore[no-any-return]
    if mode == "wrap":
        return (places % length).tolist()
    if mode == "reflect":
        period = max(2 * (length - 1), 1)
        return (length - 1 - np.abs(places % period - (length - 1))).tolist()  # type: ignore[no-any-return]
    raise RefusalError(f"mode must be constant, edge, reflect or wrap, not {mode!r}")


def slice_axes(
    attributes: Attributes, x: Tensor, starts: Operand = None, ends: Operand = None, axes: Operand = None,
    steps: Operand = None,
) -> Tensor:  # fmt: skip
    """Slice."""
    first = attributes["starts"] if starts is None else numbers(starts)
    last = attributes["ends"] if ends is None else numbers(ends)
    over = attributes.get("axes", list(range(len(first)))) if axes is None else numbers(axes)
    by = [1] * len(first) if steps is None else numbers(steps)
    for axis, a, b, step in zip(over, first, last, by, strict=True):
        if step > 0:
            x = x[(slice(None),) * (int(axis) % x.ndim) + (slice(int(a), int(b), int(step)),)]
        else:
            places = range(x.shape[int(axis)])[int(a) : int(b) : int(step)]
            x = x.index_select(int(axis), torch.tensor(list(places), dtype=torch.int64))
    return x


def transpose(attributes: Attributes, x: Tensor) -> Tensor:
    """Transpose."""
    return x.permute(*attributes.get("perm", list(range(x.ndim))[::-1]))


def expand(attributes: Attributes, x: Tensor, shape: Operand) -> Tensor:
    """Expand, where axes of one become longer and new ones stand in front."""
    wanted = [int(n) for n in numbers(shape)]
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(wanted)))


def gather(attributes: Attributes, x: Tensor, indices: Operand) -> Tensor:
    """Gather at constant places."""
    axis = int(attributes.get("axis", 0)) % x.ndim
    if not isinstance(indices, np.ndarray):
        raise RefusalError("indices must be constants, not results of the network")
    taken = x.index_select(axis, torch.from_numpy(indices.reshape(-1).astype(np.int64) % x.shape[axis]))
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def depth_to_space(attributes: Attributes, x: Tensor) -> Tensor:
    """DepthToSpace."""
    by = int(attributes["blocksize"])
    batch, channels, height, width = x.shape
    if attributes.get("mode", b"DCR") == b"CRD":
        return F.pixel_shuffle(x, by)
    blocks = x.reshape(batch, by, by, channels // by**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, channels // by**2, height * by, width * by)


def space_to_depth(attributes: Attributes, x: Tensor) -> Tensor:
    """SpaceToDepth."""
    by = int(attributes["blocksize"])
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, channels, height // by, by, width // by, by)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, channels * by**2, height // by, width // by)


def resize(
    attributes: Attributes, x: Tensor, roi: Operand = None, scales: Operand = None, sizes: Operand = None
) -> Tensor:
    """Resize and Upsample by whole elements."""
    mode = attributes.get("mode", b"nearest").decode()
    if mode != "nearest":
        raise RefusalError(f"mode must be nearest, not {mode!r}")
    over = [int(axis) % x.ndim for axis in attributes.get("axes", range(x.ndim))]
    given = attributes.get("scales") if scales is None or not numbers(scales) else numbers(scales)
    if sizes is not None and numbers(sizes):
        lengths = [int(n) for n in numbers(sizes)]
        factors = [wanted / x.shape[axis] for axis, wanted in zip(over, lengths, strict=True)]
        policy = attributes.get("keep_aspect_ratio_policy", b"stretch").decode()
        if policy != "stretch":
            raise RefusalError(f"keep_aspect_ratio_policy must be stretch, not {policy!r}")
    else:
        factors = [float(factor) for factor in given or []]
        lengths = [int(x.shape[axis] * factor) for axis, factor in zip(over, factors, strict=True)]
    for axis, length, factor in zip(over, lengths, factors, strict=True):
        if length != x.shape[axis] or factor != 1:
            x = x.index_select(axis, torch.tensor(_nearest(attributes, x.shape[axis], length, factor)))
    return x


def _nearest(attributes: Attributes, length: int, wanted: int, factor: float) -> list[int]:
    """The place of the input for each place of the output."""
    how = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    at = np.arange(wanted, dtype=np.float64)
    if how == "asymmetric" or attributes["opset"] < 11:
        places = at / factor
    elif how == "align_corners":
        places = at * (length - 1) / (wanted - 1) if wanted > 1 else 0 * at
    elif how in ("half_pixel", "pytorch_half_pixel"):
        places = (at + 0.5) / factor - 0.5 if wanted > 1 or how == "half_pixel" else 0 * at
    else:
        raise RefusalError(
            f"coordinate_transformation_mode must be asymmetric, align_corners or half_pixel, not {how!r}"
        )
    rounding = attributes.get("nearest_mode", b"round_prefer_floor" if attributes["opset"] >= 11 else b"floor").decode()
    functions: dict[str, Function] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_ceil": lambda p: np.floor(p + 0.5),
        "round_prefer_floor": lambda p: np.ceil(p - 0.5),
    }  # fmt: skip
    rounded = functions[rounding](places)
    return np.clip(rounded, 0, length - 1).astype(np.int64).tolist()  # type: ignore[no-any-return]


def split(attributes: Attributes, outputs: int, x: Tensor, sizes: Operand = None) -> Sequence[Tensor]:
    """Split, into given or equal sizes."""
    axis = int(attributes.get("axis", 0))
    given = attributes.get("split") if sizes is None else numbers(sizes)
    part = -(-x.shape[axis] // outputs)
    return torch.split(x, [int(n) for n in given] if given is not None else part, axis)


def concat(attributes: Attributes, *parts: Operand) -> Tensor:
    """Concat."""
    like = next(part for part in parts if isinstance(part, Tensor))
    return torch.cat([as_tensor(part, like) for part in parts], int(attributes["axis"]))
