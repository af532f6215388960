"""One layer of the float network in float64, by PyTorch. Calibration and the float reference both use it."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import conv2d, max_pool2d, pad

from zeroskip.contracts.graph import FloatArray, Layer


def before_activation(layer: Layer, x: FloatArray, residual: FloatArray | None) -> FloatArray:
    """Sums or maxima over the windows, with the residual: (N, channels, height, width) → (N, outputs, height, width)."""
    result = _window_operator(layer, x)
    return result if residual is None else result + residual


def activated(layer: Layer, values: FloatArray) -> FloatArray:
    """The values behind the layer's activation."""
    activation = layer.activation
    if activation.table is not None:
        return activation.table(values)
    if activation.slope is not None:
        values = np.where(values < 0, values * activation.slope[:, None, None], values)
    return np.clip(values, activation.low, activation.high)


def _window_operator(layer: Layer, x: FloatArray) -> FloatArray:
    top, left, bottom, right = layer.window.padding
    empty = -np.inf if layer.maximum else 0.0
    padded = pad(torch.from_numpy(x), (left, right, top, bottom), value=empty)
    window = layer.window
    if layer.maximum:
        maxima = max_pool2d(padded, window.kernel, window.stride, dilation=window.dilation)
        grouped = maxima.reshape(len(x), layer.groups, -1, *maxima.shape[2:]).amax(dim=2)
        result = grouped.repeat_interleave(layer.outputs // layer.groups, dim=1)
    else:
        weight = torch.from_numpy(np.where(layer.mask, layer.weight, 0.0))
        bias = torch.tensor(layer.bias)
        result = conv2d(padded, weight, bias, window.stride, dilation=window.dilation, groups=layer.groups)
    return np.asarray(result.numpy())
