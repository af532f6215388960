"""What to do about an operator that cannot be built."""

from __future__ import annotations

_STATISTICS = "its statistics are those of each sample: train with BatchNorm, which folds into the weights"
_TRANSPOSED = "use nearest upsampling and a convolution"
_RECURRENT = "write it out over a fixed number of steps, without products of two results"
_ATTENTION = "it multiplies two results of the network, which no layer does"
_INTERPOLATED = "use nearest upsampling"
_INTEGERS = (
    "give the model in floating point, or with QuantizeLinear and DequantizeLinear around floating point operators"
)

_HINTS = {
    **dict.fromkeys(("instance_norm", "group_norm", "layer_norm", "rms_norm", "local_response_norm", "LRN", "LpNormalization",
                     "InstanceNormalization", "GroupNormalization", "LayerNormalization", "MeanVarianceNormalization"), _STATISTICS),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "ConvTranspose"), _TRANSPOSED),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu", "LSTM", "GRU", "RNN"), _RECURRENT),
    **dict.fromkeys(("scaled_dot_product_attention", "bmm", "einsum", "Einsum", "Attention"), _ATTENTION),
    **dict.fromkeys(("upsample_bilinear2d", "upsample_linear1d", "upsample_bicubic2d"), _INTERPOLATED),
    **dict.fromkeys(("ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QLinearAdd", "QGemm"), _INTEGERS),
    **dict.fromkeys(("topk", "TopK", "sort", "NonMaxSuppression", "NonZero"), "leave it out and do it on the host"),
    **dict.fromkeys(("conv3d", "max_pool3d", "avg_pool3d"), "at most height and width are walked"),
}  # fmt: skip


def hint(operator: str) -> str:
    """``"; what to do"`` behind a refusal, or nothing."""
    return f"; {_HINTS[operator]}" if operator in _HINTS else ""
