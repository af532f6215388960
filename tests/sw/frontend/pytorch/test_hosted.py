"""Operators that the host computes at the end of a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.sw.frontend.evaluate import Forward

from zeroskip.contracts.host import on_host
from zeroskip.frontend import capture
from zeroskip.reference import run_float

ENDS: list[tuple[Callable[[Forward, torch.Tensor], torch.Tensor], list[str]]] = [
    (lambda m, x: F.softmax(m.fc1(x), 1), ["softmax over axis 0"]),
    (lambda m, x: F.dropout(F.log_softmax(m.fc1(x), -1), 0.5, False), ["log_softmax over axis 0"]),
    (lambda m, x: m.fc1(x).argmax(1), ["argmax over axis 0"]),
    (lambda m, x: F.softmax(m.fc1(x), 1).argmax(1, keepdim=True), ["softmax over axis 0", "argmax over axis 0"]),
    (lambda m, x: F.softmax(m.fc1(x).unflatten(1, (2, 2)).mT, 2), ["softmax over axis 1"]),
    (lambda m, x: F.softmax(m.fc1(x), 1).contiguous().view(-1, 4), ["softmax over axis 0"]),
]


@pytest.mark.parametrize("forward, host", ENDS)
def test_what_the_host_adds_gives_what_the_model_does(
    forward: Callable[[Forward, torch.Tensor], torch.Tensor], host: list[str]
) -> None:
    torch.manual_seed(1)
    model = Forward(forward).eval()
    x = torch.randn(5, 4)
    graph = capture(model, x)
    assert [str(operator) for operator in graph.host] == host
    found = on_host(graph.host, run_float(graph, x))
    np.testing.assert_allclose(found, model(x).detach().numpy(), rtol=1e-5, atol=1e-6)
