"""That a graph keeps its contract and computes what PyTorch does: shared by the tests of the front end."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from zeroskip.contracts.errors import UnsupportedError
from zeroskip.contracts.graph import INPUT, Graph
from zeroskip.frontend import capture
from zeroskip.reference import run_float


def check_contract(graph: Graph) -> None:
    """What contracts/graph.py promises of every graph."""
    complete = {INPUT}
    filled = {name: np.zeros(shape[0], dtype=int) for name, shape in graph.tensors.items()}
    names = [layer.name for layer in graph.layers]
    assert len(set(names)) == len(names)
    for layer in graph.layers:
        for source in filter(None, (layer.source, layer.residual)):
            assert source in complete, f"{layer.name} reads {source} before it is complete"
        inputs, *size = graph.tensors[layer.source]
        assert inputs == layer.weight.shape[1] * layer.groups
        assert layer.outputs % layer.groups == 0
        assert layer.weight.shape[2:] == layer.window.kernel
        channels, *space = graph.tensors[layer.output]
        assert tuple(space) == layer.window.output(*size)
        if layer.residual is not None:
            assert graph.tensors[layer.residual] == (layer.outputs, *space)
            assert layer.activation.slope is None
            assert not layer.maximum
        assert (layer.weight[~layer.mask] == 0).all()
        assert layer.weight.dtype == layer.bias.dtype == np.float64
        if layer.maximum:
            assert (layer.weight == 1).all()
            assert not layer.bias.any()
        if layer.structural:
            for row, kept in zip(layer.weight, layer.mask, strict=True):
                assert len(np.unique(row[kept])) <= 1
        activation = layer.activation
        assert activation.slope is None or activation.table is None
        assert activation.table is None or (activation.low, activation.high) == (-np.inf, np.inf)
        filled[layer.output][layer.channel : layer.channel + layer.outputs] += 1
        if (filled[layer.output] == 1).all():
            complete.add(layer.output)
        assert filled[layer.output].max() == 1
        assert channels >= layer.channel + layer.outputs
    assert complete == set(graph.tensors)


def expected(model: nn.Module, x: torch.Tensor) -> np.ndarray:
    return copy.deepcopy(model).eval().double()(x.double()).detach().numpy()


def assert_same(model: nn.Module, graph: Graph, x: torch.Tensor) -> None:
    check_contract(graph)
    np.testing.assert_allclose(run_float(graph, x), expected(model, x), rtol=1e-9, atol=1e-9)


def captured(model: nn.Module, *shape: int, batch: int = 3, seed: int = 0) -> Graph:
    """The graph of ``model`` on samples of that shape, found equal to it on random ones."""
    torch.manual_seed(seed)
    graph = capture(model, torch.zeros(batch, *shape))
    assert_same(model, graph, torch.randn(4, *shape))
    return graph


def lively(norm: nn.Module) -> nn.Module:
    """BatchNorms with statistics and parameters as if trained."""
    with torch.no_grad():
        for module in norm.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.running_mean.uniform_(-1, 1)
                module.running_var.uniform_(0.2, 3)
                if module.affine:
                    module.weight.uniform_(-2, 2)
                    module.bias.uniform_(-1, 1)
    return norm


class Forward(nn.Module):
    """Linear layers fc1 … fc3 of width 4, BatchNorm bn, and a forward given as a function."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(4, 4) for _ in range(3))
        self.bn = nn.BatchNorm1d(4)
        self.mask = nn.Buffer(torch.ones(4, 4))
        self._run = forward

    def forward(self, x: torch.Tensor) -> Any:
        return self._run(self, x)


def refuse(model: nn.Module, *shape: int, match: str) -> None:
    """``model`` is refused on samples of that shape, in words that match from end to end."""
    with pytest.raises(UnsupportedError, match=f"^{match}$"):
        capture(model, torch.zeros(*shape))
