"""How a layer's columns share the image that it reads, where overlaps are read from the neighbour."""

from __future__ import annotations

from zeroskip.contracts.network import QuantizedLayer, QuantizedNetwork


def in_strips(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Every column computes a strip of the output, and reads its own strip of the source and the neighbours'."""
    return network.shapes[layer.output][1] > 1


def added(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Whether results of ``layer`` have something added, or are added later."""
    return layer.residual is not None or any(other.residual == layer.output for other in network.layers)


def across(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """Every column takes its own strip's part of the one window, to be added up across the columns: all positions weigh alike.

    A single channel, or one without any weight, is not worth it: masks may leave that of an ordinary layer.
    """
    channels, height, width = network.shapes[layer.source]
    kernel = layer.weight.reshape(layer.outputs, -1)
    return (
        network.shapes[layer.output][1:] == (1, 1) and height > 1 and layer.groups == channels > 1 and not added(network, layer)
        and layer.window.kernel == (height, width) and layer.window.padding == (0, 0, 0, 0) and layer.window.dilation == (1, 1)
        and bool((kernel == kernel[:, :1]).all()) and bool(kernel.any())
    )  # fmt: skip


def in_one_column(network: QuantizedNetwork, layer: QuantizedLayer) -> bool:
    """The lowest column reads the whole image."""
    return not in_strips(network, layer) and not across(network, layer)


def wanted_in_strips(network: QuantizedNetwork, tensor: str) -> bool:
    """Whether a layer reads ``tensor`` strip by strip, or adds it."""
    return any(
        layer.residual == tensor or (layer.source == tensor and not in_one_column(network, layer))
        for layer in network.layers
    )


def wanted_whole(network: QuantizedNetwork, tensor: str) -> bool:
    """Whether the lowest column must have the whole image of ``tensor``, which has more than a row."""
    return network.shapes[tensor][1] > 1 and any(
        layer.source == tensor and in_one_column(network, layer) for layer in network.layers
    )
