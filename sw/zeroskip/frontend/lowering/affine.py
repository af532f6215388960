"""BN folding: BatchNorm and constants per channel go into the weights of a neighbouring layer. Float64, exact algebra.

Folding follows Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, section 3.2, extended to a BatchNorm in front of a layer. Masks stay as they are: a pruned weight is zero before and after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from zeroskip.contracts.graph import Layer, Shape

from .passes import Formats, all_shapes, count_readers, ends_in_nothing, readers_of
from .steps import AffineStep, Step


def fold_affine(steps: Sequence[Step], known: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    """Fold each affine step into the rows of the layer before it, else the columns of the layers after it, else a new depthwise layer.

    The layer before must have learned weights, and the step must be its only reader. The layers after must have no padding and no fixed
    weight scale: a BatchNorm changes zeros, and padding comes behind it.
    """
    kept = _backward(steps, result, formats)
    return _forward(kept, all_shapes(kept, known), result, formats)


def _backward(steps: Sequence[Step], result: str, formats: Formats) -> list[Step]:
    readers = count_readers(steps, result)
    done: dict[str, Step] = {}
    for step in steps:
        if isinstance(step, AffineStep) and readers[step.source] == 1 and step.source not in formats:
            before = done.get(step.source)
            if isinstance(before, Layer) and ends_in_nothing(before) and not before.structural:
                del done[step.source]
                step = _scale_rows(before, step)
            elif isinstance(before, AffineStep):
                del done[step.source]
                step = _compose(before, step)
        done[step.output] = step
    return list(done.values())


def _forward(steps: Sequence[Step], shapes: Mapping[str, Shape], result: str, formats: Formats) -> list[Step]:
    kept = {step.output: step for step in steps}
    for step in reversed(steps):  # so that of two in a row the later one is a layer's neighbour first
        if not isinstance(step, AffineStep):
            continue
        after = readers_of(step.output, kept.values())
        if step.output == result or step.output in formats or not all(_takes(reader, step) for reader in after):
            kept[step.output] = _layer(step, shapes[step.source][0])
            continue
        for reader in after:
            assert isinstance(reader, Layer)
            kept[reader.output] = _scale_columns(reader, step)
        del kept[step.output]
    return list(kept.values())


def _takes(reader: Step, step: AffineStep) -> bool:
    """Whether the columns of ``reader`` can take in the step."""
    return (
        isinstance(reader, Layer)
        and ends_in_nothing(reader)
        and not reader.structural
        and reader.weight_scale is None
        and (max(reader.window.padding) <= 0 or not step.shift.any())
    )


def _scale_rows(layer: Layer, step: AffineStep) -> Layer:
    with np.errstate(all="ignore"):  # Layer refuses what is not finite
        fixed = layer.weight_scale
        return replace(
            layer,
            output=step.output,
            weight=layer.weight * step.scale[:, None, None, None],
            bias=layer.bias * step.scale + step.shift,
            weight_scale=None if fixed is None else np.where(step.scale != 0, fixed * np.abs(step.scale), fixed),
        )


def _scale_columns(layer: Layer, step: AffineStep) -> Layer:
    per_group = layer.weight.shape[1]
    rows = layer.outputs // layer.groups
    scale, shift = (
        np.repeat(values.reshape(layer.groups, per_group), rows, axis=0) for values in (step.scale, step.shift)
    )
    with np.errstate(all="ignore"):
        return replace(
            layer,
            source=step.source,
            weight=layer.weight * scale[:, :, None, None],
            bias=layer.bias + (layer.weight.sum(axis=(2, 3)) * shift).sum(axis=1),
        )


def _compose(first: AffineStep, second: AffineStep) -> AffineStep:
    return replace(
        second,
        source=first.source,
        scale=second.scale * first.scale,
        shift=second.scale * first.shift + second.shift,
    )


def _layer(step: AffineStep, channels: int) -> Layer:
    weight = step.scale.reshape(channels, 1, 1, 1)
    return Layer(
        name=step.name, source=step.source, output=step.output, weight=weight, mask=weight != 0, bias=step.shift,
        groups=channels,
    )  # fmt: skip
