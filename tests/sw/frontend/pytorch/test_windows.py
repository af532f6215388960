"""Convolution, linear and pooling: each option arrives exactly, or is refused by its rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sw.frontend.evaluate import Forward, assert_same, captured, refuse
from torch import nn

from zeroskip.frontend import capture


class Filters(Forward):
    """With weights of a convolution."""

    def __init__(self, forward) -> None:
        super().__init__(forward)
        self.filters = nn.Parameter(torch.randn(3, 4, 2, 2))


@pytest.mark.parametrize(
    "module, shape",
    [
        (nn.Conv2d(3, 4, 3), (3, 8, 7)),
        (nn.Conv2d(3, 4, (2, 5), stride=(3, 1), padding=(0, 2)), (3, 8, 7)),
        (nn.Conv2d(4, 6, 3, stride=4, padding=1, groups=2), (4, 9, 9)),
        (nn.Conv2d(4, 8, 3, padding=1, groups=4, bias=False), (4, 5, 5)),
        (nn.Conv2d(2, 3, 3, dilation=(2, 1), padding=2), (2, 9, 6)),
        (nn.Conv2d(2, 3, (2, 4), padding="same"), (2, 5, 6)),
        (nn.Conv2d(2, 3, 3, padding="same", dilation=2), (2, 7, 7)),
        (nn.Conv2d(2, 3, 3, padding="valid"), (2, 5, 6)),
        (nn.Conv2d(2, 3, 1, stride=2), (2, 6, 5)),
        (nn.Conv1d(3, 4, 3), (3, 8)),
        (nn.Conv1d(4, 6, 5, stride=2, padding=2, dilation=2, groups=2), (4, 17)),
        (nn.Conv1d(3, 4, 4, padding="same"), (3, 8)),
        (nn.Linear(5, 3), (5,)),
        (nn.MaxPool2d(2), (3, 6, 7)),
        (nn.MaxPool2d(3, stride=2, padding=1), (3, 7, 8)),
        (nn.MaxPool2d(2, stride=2, ceil_mode=True), (3, 7, 6)),
        (nn.MaxPool2d((1, 3), stride=(2, 1), dilation=(1, 2)), (3, 7, 8)),
        (nn.MaxPool2d(3, stride=3, padding=1, ceil_mode=True), (2, 8, 10)),
        (nn.MaxPool1d(3, stride=2, padding=1), (3, 8)),
        (nn.MaxPool1d(2, ceil_mode=True), (3, 7)),
        (nn.AvgPool2d(2), (3, 6, 7)),
        (nn.AvgPool2d((2, 3), stride=(1, 2)), (3, 6, 8)),
        (nn.AvgPool2d(3, stride=2, padding=1), (3, 6, 8)),
        (nn.AvgPool2d(3, stride=1, padding=1, divisor_override=5, count_include_pad=False), (3, 6, 8)),
        (nn.AvgPool2d(2, ceil_mode=True), (3, 6, 8)),
        (nn.AvgPool1d(3, stride=2), (3, 8)),
        (nn.AdaptiveAvgPool2d(1), (3, 6, 8)),
        (nn.AdaptiveAvgPool2d((3, 2)), (3, 6, 8)),
        (nn.AdaptiveAvgPool2d((None, 1)), (3, 6, 8)),
        (nn.AdaptiveAvgPool1d(2), (3, 8)),
        (nn.AdaptiveMaxPool2d(1), (3, 6, 8)),
        (nn.AdaptiveMaxPool1d(4), (3, 8)),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_one_module(module, shape, batch):
    graph = captured(module, *shape, batch=batch)
    (layer,) = graph.layers
    assert graph.input_shape == shape
    assert layer.structural == (not hasattr(module, "weight"))


@pytest.mark.parametrize(
    "forward, shape",
    [
        (lambda m, x: x.mean((2, 3)), (4, 5, 6)),
        (lambda m, x: x.mean((-1, -2), keepdim=True), (4, 5, 6)),
        (lambda m, x: x.mean(3, keepdim=True), (4, 5, 6)),
        (lambda m, x: x.mean(2), (4, 5)),
        (lambda m, x: x.amax((2, 3)), (4, 5, 6)),
        (lambda m, x: F.adaptive_max_pool2d(x, 1).flatten(1), (4, 5, 6)),
        (lambda m, x: F.max_pool2d(x, 2, return_indices=False), (4, 5, 6)),
        (lambda m, x: x @ m.w, (4,)),
        (lambda m, x: torch.mm(x, m.w) + m.b, (4,)),
        (lambda m, x: x.flatten(1) @ m.w, (1, 2, 2)),
        (lambda m, x: F.conv2d(x, m.filters, stride=2), (4, 6, 6)),
    ],
)
def test_functions(forward, shape):
    model = Forward(forward)
    model.w, model.b = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3))
    model.filters = nn.Parameter(torch.randn(2, 4, 3, 3))
    assert len(captured(model, *shape).layers) == 1


def test_a_linear_behind_a_flattened_image_is_a_convolution_with_the_whole_image_as_kernel():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 5, 7))
    mask = torch.rand(7, 60) > 0.5
    graph = capture(model, torch.zeros(1, 2, 6, 7), {"3.weight": mask})
    layer = graph.layers[1]
    assert layer.weight.shape == (7, 3, 4, 5)
    assert layer.window.kernel == (4, 5)
    np.testing.assert_array_equal(layer.mask.reshape(7, 60), mask.numpy())
    with torch.no_grad():
        model[3].weight *= mask
    assert_same(model, graph, torch.randn(3, 2, 6, 7))


def test_masks_of_a_matrix_on_the_right_are_transposed_with_it():
    model = Forward(lambda m, x: x @ m.w)
    model.w = nn.Parameter(torch.randn(4, 3))
    mask = torch.rand(4, 3) > 0.5
    (layer,) = capture(model, torch.zeros(1, 4), {"w": mask}).layers
    np.testing.assert_array_equal(layer.mask.reshape(3, 4), mask.numpy().T)
    assert layer.name == "w"


def test_masks_of_convolutions():
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Conv1d(3, 4, 2, bias=False))
    mask = torch.rand(3, 2, 3) > 0.5
    with torch.no_grad():
        model[2].weight[0, 0] = 0
    graph = capture(model, torch.zeros(1, 2, 9), {"0.weight": mask})
    np.testing.assert_array_equal(graph.layers[0].mask[..., 0], mask.numpy())
    assert not graph.layers[1].mask[0, 0].any()
    assert graph.layers[1].mask.sum() == 22
    assert graph.tensors["input"] == (2, 9, 1)


@pytest.mark.parametrize(
    "module, shape",
    [
        (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), (2, 6, 6)),
        (nn.Conv2d(2, 2, 3, padding=2, padding_mode="circular"), (2, 6, 5)),
        (nn.Conv1d(2, 2, 3, padding=2, padding_mode="replicate"), (2, 6)),
        (nn.Linear(4, 3), (5, 4)),
        (nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), (2, 5, 4)),
        (Forward(lambda m, x: x.mean(1)), (2, 3, 3)),
        (Forward(lambda m, x: x.sum((1, 3), keepdim=True)), (2, 3, 4)),
        (Forward(lambda m, x: x.amin((1, 2))), (2, 3, 4)),
        (Forward(lambda m, x: x.amax(1)), (2, 3, 4)),
        (Forward(lambda m, x: x.reshape(-1, 2, 3, 2).mean(3)), (6, 2)),
        (Forward(lambda m, x: x @ m.fc1.weight), (3, 4)),
        (Forward(lambda m, x: m.fc2(x.reshape(-1, 4)).reshape(-1, 6, 2)), (3, 4)),
        (Filters(lambda m, x: F.conv2d(x.permute(0, 1, 3, 2), m.filters)), (4, 3, 3)),
        (Filters(lambda m, x: F.conv2d(m.fc1(x).view(-1, 1, 2, 2), m.filters[:, :1])), (4,)),
        (Forward(lambda m, x: F.max_pool2d(m.fc1(x).view(-1, 1, 2, 2), 2)), (4,)),
        (Filters(lambda m, x: F.conv1d(F.conv2d(x.unsqueeze(2), m.filters[:, :, :1]).squeeze(2), m.filters[:, :3, 0])), (4, 7)),
        (Forward(lambda m, x: m.fc1(x.permute(1, 0, 2)).permute(1, 0, 2)), (3, 4)),
    ],
)  # fmt: skip
def test_any_axes(module, shape):
    captured(module, *shape)


@pytest.mark.parametrize(
    "module, shape, match",
    [
        (nn.AvgPool2d(3, padding=1, count_include_pad=False), (2, 6, 6),
         r"avg_pool2d 'avg_pool2d': every window must divide by the same number, but along one axis windows hold 2 to 3 elements; "
         r"use count_include_pad=True without ceil_mode, or no padding"),
        (nn.AvgPool2d(2, ceil_mode=True), (2, 6, 5), r"avg_pool2d 'avg_pool2d': every window must .* hold 1 to 2 elements; .*"),
        (nn.AdaptiveAvgPool2d(5), (2, 7, 5),
         r"adaptive_avg_pool2d 'adaptive_avg_pool2d': must give windows of equal size and distance, but 7 to 5 does not"),
        (nn.MaxPool2d(2, padding=1, dilation=3), (2, 2, 6),
         r"max_pool2d 'max_pool2d': every window must hold an element of its input, not padding alone"),
        (nn.Conv3d(2, 2, 1), (2, 3, 3, 3), r"conv3d 'conv3d': not supported; at most height and width are walked"),
        (nn.ConvTranspose2d(2, 2, 2), (2, 3, 3), r"conv_transpose2d 'conv_transpose2d': not supported; .*"),
        (Forward(lambda m, x: F.conv2d(x, x)), (2, 3, 3),
         r"conv2d 'conv2d': weight must be a parameter of the model, not computed by x"),
        (Forward(lambda m, x: F.adaptive_max_pool2d(x, 1, True)[1]), (2, 3, 3),
         r"output: must not be the indices of a maximum"),
        (Forward(lambda m, x: F.adaptive_max_pool2d(x, 1, True)[1].relu()), (2, 3, 3),
         r"relu 'relu': input must not be the indices of a maximum"),
        (Forward(lambda m, x: x.mean((0, 2))), (2, 3, 3), r"mean 'mean': must leave the batch axis alone"),
        (Forward(lambda m, x: x.sum()), (2, 3, 3), r"sum 'sum_1': must leave the batch axis alone"),
        (Forward(lambda m, x: x @ x.view(4, -1)), (4,), r"matmul 'matmul': must have a constant matrix on the right, not a result of .*"),
        (Forward(lambda m, x: x @ m.fc1.bias), (4,), r"matmul 'matmul': the constant must be a matrix \(inputs, outputs\), not \(4,\)"),
        (Forward(lambda m, x: m.fc1.weight @ x.view(4, -1)), (4,), r"matmul 'matmul': must have a constant matrix on the right, .*"),
    ],
)  # fmt: skip
def test_refused(module, shape, match):
    if isinstance(module, Forward):
        module.filters = nn.Parameter(torch.randn(2, 4, 1, 1))
    refuse(module, 1, *shape, match=match)


@settings(max_examples=40)
@given(
    inputs=st.integers(1, 3), groups=st.integers(1, 3), rows=st.integers(1, 2), size=st.tuples(*[st.integers(1, 9)] * 2),
    kernel=st.tuples(*[st.integers(1, 4)] * 2), stride=st.tuples(*[st.integers(1, 4)] * 2),
    dilation=st.tuples(*[st.integers(1, 3)] * 2), padding=st.tuples(*[st.integers(0, 3)] * 2),
    explicit=st.tuples(*[st.integers(0, 2)] * 4),
)  # fmt: skip
def test_any_convolution(inputs, groups, rows, size, kernel, stride, dilation, padding, explicit):
    for axis in (0, 1):
        if (
            size[axis] + sum(explicit[2 - 2 * axis : 4 - 2 * axis]) + 2 * padding[axis]
            < dilation[axis] * (kernel[axis] - 1) + 1
        ):
            return
    conv = nn.Conv2d(
        inputs * groups, rows * groups, kernel, stride=stride, dilation=dilation, padding=padding, groups=groups
    )
    graph = captured(nn.Sequential(nn.ZeroPad2d(explicit), conv), inputs * groups, *size, batch=1)
    assert len(graph.layers) == 1
    left, right, top, bottom = explicit
    (y, x) = padding
    assert graph.layers[0].window.padding == (y + top, x + left, y + bottom, x + right)


@settings(max_examples=40)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 2), kernel=st.tuples(*[st.integers(1, 4)] * 2),
    stride=st.tuples(*[st.integers(1, 4)] * 2), data=st.data(), ceil=st.booleans(), dilation=st.integers(1, 2),
)  # fmt: skip
def test_any_max_pooling(size, kernel, stride, data, ceil, dilation):
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    pool = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil)
    for axis in (0, 1):
        if size[axis] + 2 * padding[axis] < dilation * (kernel[axis] - 1) + 1:
            return
    if bool(torch.isinf(pool(torch.zeros(1, 1, *size))).any()):
        refuse(pool, 1, 2, *size, match=r"max_pool2d 'max_pool2d': every window must hold an element .*")
    else:
        captured(pool, 2, *size)


@settings(max_examples=40)
@given(
    size=st.tuples(*[st.integers(1, 9)] * 2), kernel=st.tuples(*[st.integers(1, 4)] * 2),
    stride=st.tuples(*[st.integers(1, 4)] * 2), data=st.data(), ceil=st.booleans(), counted=st.booleans(),
)  # fmt: skip
def test_any_average_pooling(size, kernel, stride, data, ceil, counted):
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    pool = nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, count_include_pad=counted)
    for axis in (0, 1):
        if size[axis] + 2 * padding[axis] < kernel[axis]:
            return
    # every window divides by the same number if its sum over the mean is the same everywhere
    ones, full = torch.ones(1, 1, *size), nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, divisor_override=1)
    sums, means = full(ones), pool(ones)
    if len(torch.unique((sums / means).round())) == 1:
        captured(pool, 2, *size)
    else:
        refuse(pool, 1, 2, *size, match=r"avg_pool2d 'avg_pool2d': every window must divide by the same number, .*")
