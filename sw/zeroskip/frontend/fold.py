"""Steps → layers: BatchNorm goes into the weights of a neighbouring linear layer, ReLU into the layer's end. Float64, exact algebra.

Folding follows Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018, section 3.2, extended to a BatchNorm in front of a layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from zeroskip.spec.graph import LinearLayer

from .steps import AffineStep, LinearStep, RefusedStep, ReluStep, Step


def fold(steps: Iterable[Step]) -> tuple[list[LinearLayer], list[str]]:
    """The layers of a chain of steps, and the clauses of what cannot be folded (then the layers are not to be used).

    A BatchNorm directly after a linear layer scales its rows and bias; any other one scales the columns of the next linear
    layer, whose bias takes up its shift. Masks stay as they are: a pruned weight is zero before and after.
    """
    layers: list[LinearLayer] = []
    problems: list[str] = []
    previous: Step | None = None
    pending: AffineStep | None = None
    for step in steps:
        match step:
            case LinearStep():
                layers.append(_linear_layer(step, pending, {layer.name for layer in layers}))
                pending = None
            case AffineStep() if pending is not None:
                pending = _compose(pending, step)
            case AffineStep() if isinstance(previous, LinearStep):
                layers[-1] = _scale_rows(layers[-1], step)
                continue  # the layer is still linear, so the next BatchNorm folds into it too
            case AffineStep() if isinstance(previous, RefusedStep):
                continue  # whether it folds depends on what was refused
            case AffineStep():
                pending = step
            case ReluStep() if pending is not None:
                problems.append(
                    f"relu {step.name!r}: must follow a linear layer, not batch_norm {pending.name!r}, which has none to fold into"
                )
                pending = None
            case ReluStep() if previous is None:
                problems.append(f"relu {step.name!r}: must follow a linear layer, not the network's input")
            case ReluStep() if isinstance(previous, LinearStep):
                layers[-1] = replace(layers[-1], relu=True)
            case ReluStep() | RefusedStep():
                pending = None
        previous = step
    if pending is not None:
        problems.append(
            f"batch_norm {pending.name!r}: must directly follow a linear layer or have one after it, to be folded into"
        )
    if previous is None:
        problems.append("model: must hold at least one linear layer")
    return layers, problems


def _linear_layer(step: LinearStep, pending: AffineStep | None, taken: set[str]) -> LinearLayer:
    weight, bias = step.weight, step.bias
    if pending is not None:
        with np.errstate(all="ignore"):  # LinearLayer refuses what is not finite
            bias = bias + weight @ pending.shift
            weight = weight * pending.scale
    name, count = step.name, 1
    while name in taken:
        count += 1
        name = f"{step.name}_{count}"
    return LinearLayer(name=name, weight=weight, mask=step.mask, bias=bias, relu=False)


def _scale_rows(layer: LinearLayer, norm: AffineStep) -> LinearLayer:
    with np.errstate(all="ignore"):
        return replace(layer, weight=layer.weight * norm.scale[:, None], bias=layer.bias * norm.scale + norm.shift)


def _compose(first: AffineStep, second: AffineStep) -> AffineStep:
    return AffineStep(
        name=second.name, scale=second.scale * first.scale, shift=second.scale * first.shift + second.shift
    )
