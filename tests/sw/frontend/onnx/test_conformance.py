"""Every ONNX operator test is captured and right, or refused with operator and reason; nothing in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.sw.frontend.evaluate import check_contract

from zeroskip.reference import run_float

from .conformance import NAMES, REFUSED, load


@pytest.mark.parametrize("name", NAMES)
def test_operator(require_data, name):
    case = load(require_data("onnx_node_tests"), name)
    graph = case.captured()
    if name in REFUSED:
        assert isinstance(graph, str), "captured, though the table of refusals names it"
        assert REFUSED[name] in graph
        return
    assert not isinstance(graph, str), graph
    check_contract(graph)
    x, y = case.real(graph)
    np.testing.assert_allclose(
        case.within(graph, run_float(graph, torch.tensor(x))), y, rtol=1e-5, atol=1e-5 + case.step(graph) / 2
    )


def test_the_list_is_that_of_the_folder(require_data):
    assert list(NAMES) == (require_data("onnx_node_tests") / "NAMES.txt").read_text().split()
    assert set(REFUSED) <= set(NAMES)
