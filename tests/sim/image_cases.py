"""Small integer networks written by hand, each for one corner that its name says."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from tests.sim.image_builder import Builder

from zeroskip.contracts.graph import INPUT, Shape, Window
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.contracts.tensor import QuantizedTensor

SIGNED = QuantizedTensor(scale=1.0, zero_point=-3, signed=True)
UNSIGNED = QuantizedTensor(scale=1.0, zero_point=0, signed=False)
OFFSET = QuantizedTensor(scale=1.0, zero_point=131, signed=False)
FULL = (-128, 127)

SAME_3 = Window(kernel=(3, 3), padding=(1, 1, 1, 1))
HALVE_3 = Window(kernel=(3, 3), stride=(2, 2), padding=(0, 0, 1, 1))

_CASES: dict[str, tuple[Shape, Callable[[Builder], str]]] = {}


def case(name: str, *, weight_bits: int = 8) -> QuantizedNetwork:
    """The case of that name; its numbers depend on the name and ``weight_bits`` alone."""
    shape, build = _CASES[name]
    builder = Builder(np.random.default_rng(zlib.crc32(name.encode())), weight_bits=weight_bits)
    builder.input(shape, SIGNED)
    return builder.network(build(builder))


def _case(*shape: int) -> Callable[[Callable[[Builder], str]], Callable[[Builder], str]]:
    """Registers a case with an input of that (channels, height, width)."""

    def register(build: Callable[[Builder], str]) -> Callable[[Builder], str]:
        _CASES[build.__name__] = (shape[0], shape[1], shape[2]), build
        return build

    return register


# --- windows ----------------------------------------------------------------------------------------------------------


@_case(3, 6, 6)
def pointwise(b: Builder) -> str:
    return b.conv(INPUT, 5, pattern="even")


@_case(3, 7, 5)
def same_padding_with_a_nonzero_zero_point(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, pattern="even", format=OFFSET, clamp=(0, 255))
    return b.conv(x, 4, SAME_3, pattern="even", format=SIGNED, clamp=FULL)


@_case(3, 8, 8)
def stride_2_same_padding(b: Builder) -> str:
    x = b.conv(INPUT, 8, HALVE_3, pattern="even")
    return b.conv(x, 4, HALVE_3, pattern="even")


@_case(2, 9, 9)
def stride_beyond_the_kernel(b: Builder) -> str:
    return b.conv(INPUT, 4, Window(kernel=(2, 2), stride=(4, 3)), pattern="full")


@_case(2, 9, 8)
def stride_with_a_remainder(b: Builder) -> str:
    return b.conv(INPUT, 3, Window(kernel=(3, 3), stride=(2, 2)), pattern="full")


@_case(2, 11, 9)
def dilation_2(b: Builder) -> str:
    return b.conv(INPUT, 4, Window(kernel=(3, 3), dilation=(2, 2), padding=(2, 2, 2, 2)), pattern="even")


@_case(2, 10, 6)
def tall_kernel_and_uneven_stride(b: Builder) -> str:
    return b.conv(INPUT, 6, Window(kernel=(5, 2), stride=(2, 1), padding=(2, 0, 1, 1)), pattern="even")


@_case(1, 2, 2)
def kernel_larger_than_the_image(b: Builder) -> str:
    return b.conv(INPUT, 3, Window(kernel=(5, 5), padding=(2, 2, 2, 2)), pattern="full")


@_case(2, 3, 3)
def window_entirely_in_padding(b: Builder) -> str:
    return b.conv(INPUT, 3, Window(kernel=(2, 2), padding=(3, 2, 2, 3)), pattern="full")


@_case(3, 5, 4)
def kernel_covers_image(b: Builder) -> str:
    return b.conv(INPUT, 6, Window(kernel=(5, 4)), pattern="even")


@_case(3, 1, 1)
def one_pixel(b: Builder) -> str:
    x = b.conv(INPUT, 5, SAME_3, pattern="full")
    return b.conv(x, 4, pattern="even")


@_case(1, 1, 40)
def one_channel_pointwise(b: Builder) -> str:
    """Tiles of one result, written once: as many of them as can be are on their way at once."""
    x = b.conv(INPUT, 1, pattern="full", table=True)
    return b.conv(x, 1, residual=x, pattern="full", slopes=True, table=True)


@_case(3, 3, 3)
def image_smaller_than_columns(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, pattern="even")
    return b.conv(x, 4, Window(kernel=(2, 2)), pattern="even")


@_case(2, 11, 4)
def image_height_not_multiple_of_columns(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, pattern="even")
    return b.conv(x, 3, HALVE_3, pattern="even")


@_case(2, 3, 17)
def image_wide_and_low(b: Builder) -> str:
    return b.conv(INPUT, 4, SAME_3, pattern="even")


@_case(4, 20, 1)
def one_dimensional(b: Builder) -> str:
    x = b.conv(INPUT, 6, Window(kernel=(3, 1), padding=(1, 0, 1, 0)), pattern="even")
    x = b.conv(x, 6, Window(kernel=(4, 1), stride=(2, 1)), groups=6, pattern="full")
    return b.conv(x, 5, Window(kernel=(9, 1)), pattern="even")


@_case(3, 1, 19)
def one_dimensional_along_the_width(b: Builder) -> str:
    x = b.conv(INPUT, 6, Window(kernel=(1, 5), stride=(1, 2), padding=(0, 2, 0, 2)), pattern="even")
    return b.conv(x, 5, Window(kernel=(1, 3), dilation=(1, 2)), pattern="even")


@_case(3, 6, 6)
def image_output(b: Builder) -> str:
    x = b.conv(INPUT, 6, SAME_3, pattern="even")
    return b.conv(x, 4, SAME_3, pattern="even", format=UNSIGNED, clamp=(0, 255))


# --- groups and weights -----------------------------------------------------------------------------------------------


@_case(6, 7, 7)
def depthwise_then_pointwise(b: Builder) -> str:
    x = b.conv(INPUT, 6, SAME_3, groups=6, pattern="even")
    return b.conv(x, 10, pattern="even")


@_case(3, 6, 6)
def depthwise_with_multiplier(b: Builder) -> str:
    return b.conv(INPUT, 9, SAME_3, groups=3, pattern="even")


@_case(6, 6, 5)
def grouped(b: Builder) -> str:
    return b.conv(INPUT, 9, SAME_3, groups=3, pattern="even")


@_case(4, 5, 5)
def empty_rows(b: Builder) -> str:
    weight = b.rng.integers(-128, 128, size=(8, 4, 3, 3)) // (1 << (8 - min(8, b.weight_bits)))
    weight[[0, 3, 4, 7]] = 0
    x = b.conv(INPUT, 8, SAME_3, weight=weight)
    return b.conv(x, 3, pattern="full")


@_case(4, 5, 5)
def one_dense_row(b: Builder) -> str:
    weight = np.zeros((6, 4, 3, 3), dtype=np.int64)
    weight[4] = 7
    return b.conv(INPUT, 6, SAME_3, weight=weight)


@_case(4, 6, 6)
def a_single_weight(b: Builder) -> str:
    weight = np.zeros((5, 4, 3, 3), dtype=np.int64)
    weight[2, 3, 2, 2] = -8
    return b.conv(INPUT, 5, SAME_3, weight=weight)


@_case(3, 5, 5)
def a_layer_without_weights(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, pattern="nothing")
    return b.conv(x, 4, SAME_3, residual=x, pattern="nothing")


@_case(4, 4, 4)
def most_negative_weights_and_long_rows(b: Builder) -> str:
    x = b.conv(INPUT, 8, SAME_3, pattern="full", weights="lowest")
    return b.conv(x, 8, SAME_3, pattern="full", weights="ends")


@_case(2, 6, 6)
def more_output_channels_than_input_channels(b: Builder) -> str:
    x = b.conv(INPUT, 24, pattern="even")
    return b.conv(x, 2, SAME_3, pattern="even")


# --- pooling and copies -----------------------------------------------------------------------------------------------


@_case(4, 9, 9)
def maxpool_overlapping(b: Builder) -> str:
    window = Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    x = b.conv(INPUT, 4, pattern="even")
    return b.maximum(x, window, identity=True)


@_case(3, 4, 4)
def maxpool_in_another_scale(b: Builder) -> str:
    x = b.maximum(INPUT, Window(kernel=(2, 2), stride=(2, 2)), format=UNSIGNED, clamp=(0, 255))
    return b.conv(x, 4, SAME_3, pattern="even")


@_case(4, 8, 6)
def average_2x2(b: Builder) -> str:
    x = b.average(INPUT, Window(kernel=(2, 2), stride=(2, 2)))
    return b.conv(x, 4, SAME_3, pattern="even")


@_case(3, 6, 6)
def global_average_then_linear(b: Builder) -> str:
    x = b.conv(INPUT, 8, SAME_3, pattern="even")
    x = b.average(x, Window(kernel=(6, 6)))
    return b.conv(x, 5, pattern="even")


@_case(4, 8, 7)
def slice_and_channel_pad(b: Builder) -> str:
    """ResNet's option A: every second pixel, and channels of zeros before and behind."""
    halved = b.copy(INPUT, [None, None, 0, 1, 2, 3, None, None], Window(stride=(2, 2)), identity=True)
    window = Window(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1))
    return b.conv(INPUT, 8, window, residual=halved, pattern="even")


@_case(5, 9, 8)
def slice_that_skips_rows_and_columns(b: Builder) -> str:
    x = b.copy(INPUT, [4, 1, 1], Window(padding=(-2, -3, -1, 0)), identity=True)
    return b.conv(x, 4, SAME_3, pattern="even")


# --- how layers end ---------------------------------------------------------------------------------------------------


@_case(4, 6, 6)
def residual_in_place(b: Builder) -> str:
    """The tensor that is added is read for the last time, so the result may lie where it lies."""
    x = b.conv(INPUT, 4, SAME_3, pattern="even")
    y = b.conv(x, 6, SAME_3, pattern="even")
    return b.conv(y, 4, SAME_3, residual=x, pattern="even")


@_case(4, 6, 6)
def residual_is_the_source(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, residual=INPUT, pattern="even")
    return b.conv(x, 4, pattern="even", residual=x)


@_case(4, 5, 6)
def residual_with_other_scale(b: Builder) -> str:
    x = b.conv(INPUT, 5, pattern="even", format=OFFSET, clamp=(0, 255))
    y = b.conv(INPUT, 3, SAME_3, pattern="even")
    z = b.conv(y, 5, SAME_3, residual=x, residual_multiplier=1803, pattern="even", format=SIGNED, clamp=FULL)
    return b.conv(z, 5, residual=x, residual_multiplier=65535, pattern="even", format=UNSIGNED, clamp=(0, 255))


@_case(3, 5, 5)
def residual_without_weights(b: Builder) -> str:
    return b.conv(INPUT, 3, residual=INPUT, residual_multiplier=3000, pattern="nothing")


@_case(4, 5, 5)
def table_after_residual(b: Builder) -> str:
    return b.conv(INPUT, 4, SAME_3, residual=INPUT, table=True, pattern="even")


@_case(3, 5, 5)
def table_then_convolution(b: Builder) -> str:
    x = b.conv(INPUT, 6, SAME_3, table=True, pattern="even")
    return b.conv(x, 4, pattern="even")


@_case(4, 5, 5)
def prelu(b: Builder) -> str:
    x = b.conv(INPUT, 8, SAME_3, slopes=True, pattern="full", format=SIGNED, clamp=FULL)
    return b.conv(x, 4, slopes=True, pattern="even", format=OFFSET, clamp=(0, 255))


@_case(4, 5, 5)
def prelu_on_a_residual(b: Builder) -> str:
    """The slope follows the sign of the accumulator alone."""
    return b.conv(INPUT, 4, SAME_3, residual=INPUT, slopes=True, pattern="even", format=SIGNED, clamp=FULL)


# --- several readers and writers --------------------------------------------------------------------------------------


@_case(3, 6, 6)
def concat_two_branches(b: Builder) -> str:
    x = b.conv(INPUT, 4, pattern="even")
    output = b.tensor((7, 6, 6), UNSIGNED)
    b.conv(x, 3, pattern="even", output=output, clamp=(0, 255))
    b.conv(x, 4, SAME_3, pattern="even", output=output, channel=3, clamp=(0, 255))
    return b.conv(output, 3, SAME_3, pattern="even")


@_case(4, 6, 6)
def concat_of_convolution_pool_and_copy(b: Builder) -> str:
    output = b.tensor((11, 3, 3), SIGNED)
    b.conv(INPUT, 3, HALVE_3, pattern="even", output=output, channel=8)
    b.maximum(INPUT, Window(kernel=(2, 2), stride=(2, 2)), output=output, identity=True)
    b.copy(INPUT, [3, 2, 1, 0], Window(stride=(2, 2)), output=output, channel=4, identity=True)
    return output


@_case(3, 5, 4)
def concat_with_a_residual(b: Builder) -> str:
    """What is added has other channels than what it becomes."""
    x = b.conv(INPUT, 4, SAME_3, pattern="even")
    output = b.tensor((7, 5, 4), SIGNED)
    b.conv(x, 3, pattern="even", output=output)
    b.conv(x, 4, SAME_3, pattern="even", residual=x, output=output, channel=3)
    return b.conv(output, 3, SAME_3, pattern="even")


@_case(3, 5, 4)
def concat_of_sums_that_is_added(b: Builder) -> str:
    x = b.conv(INPUT, 4, SAME_3, pattern="even")
    output = b.tensor((7, 5, 4), SIGNED)
    b.conv(x, 3, pattern="even", output=output)
    b.conv(x, 4, SAME_3, pattern="even", residual=x, output=output, channel=3)
    return b.conv(x, 7, SAME_3, pattern="even", residual=output)


@_case(3, 4, 4)
def concat_of_vectors(b: Builder) -> str:
    vector = b.tensor((9, 1, 1))
    b.average(INPUT, Window(kernel=(4, 4)), output=vector)
    b.conv(INPUT, 6, Window(kernel=(4, 4)), output=vector, channel=3, pattern="even")
    return b.conv(vector, 6, pattern="even")


@_case(3, 9, 9)
def two_readers_with_different_windows(b: Builder) -> str:
    x = b.conv(INPUT, 5, SAME_3, pattern="even")
    skip = b.conv(x, 6, Window(stride=(2, 2)), pattern="even")
    y = b.conv(x, 6, Window(kernel=(5, 5), stride=(2, 2), padding=(2, 2, 2, 2)), residual=skip, pattern="even")
    return b.conv(y, 4, Window(kernel=(5, 5)), pattern="even")


@_case(2, 7, 7)
def input_read_again_at_the_end(b: Builder) -> str:
    x = b.conv(INPUT, 4, HALVE_3, pattern="even")
    y = b.conv(x, 6, SAME_3, pattern="even")
    return b.conv(INPUT, 6, HALVE_3, residual=y, pattern="even")


@_case(16, 1, 1)
def fully_connected_with_a_residual(b: Builder) -> str:
    x = b.conv(INPUT, 12, pattern="even")
    y = b.conv(x, 12, pattern="even")
    return b.conv(y, 12, pattern="even", residual=x)


CASES = tuple(_CASES)
"""The names."""
