"""What an operator means to the compiler: the values between reading the exported graph and folding it into layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from zeroskip.spec.graph import BoolArray, FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearStep:
    """``weight @ x + bias``; weight (outputs, inputs) float64 with pruned entries zero, mask alike, bias (outputs,)."""

    name: str
    weight: FloatArray
    mask: BoolArray
    bias: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class AffineStep:
    """``scale * x + shift`` per feature, both (features,) float64: a BatchNorm in eval mode."""

    name: str
    scale: FloatArray
    shift: FloatArray


@dataclass(frozen=True, kw_only=True)
class ReluStep:
    """``max(x, 0)``."""

    name: str


@dataclass(frozen=True, kw_only=True)
class RefusedStep:
    """An operator already refused: it holds its place, so that the operators after it are still judged."""


Step: TypeAlias = LinearStep | AffineStep | ReluStep | RefusedStep
