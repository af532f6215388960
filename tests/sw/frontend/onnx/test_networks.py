"""Real networks through ONNX files, as torch's own exporter writes them: the same layers as from the module itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.networks.catalog import CONVOLUTIONAL
from tests.sw.frontend.evaluate import check_contract

from zeroskip import prune
from zeroskip.frontend import capture, load_model
from zeroskip.reference import run_float


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # of the exporter, on itself
@pytest.mark.parametrize("folded", [False, True], ids=["plain", "folded by the exporter"])
@pytest.mark.parametrize("name", list(CONVOLUTIONAL))
def test_a_network_is_the_same_through_onnx(require_data, data_dir, tmp_path, name, folded):
    for needed in CONVOLUTIONAL[name].needs:
        require_data(needed)
    real = CONVOLUTIONAL[name].load(data_dir)
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        real.model, (real.example,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}},
        do_constant_folding=folded, training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
    )  # fmt: skip
    network = load_model(path)
    assert network.input_shape == tuple(real.example.shape[1:])
    wanted, graph = capture(real.model, real.example), capture(network, real.example)
    check_contract(graph)
    assert len(graph.layers) == len(wanted.layers)
    x = torch.from_numpy(np.asarray(real.inputs[:2]))
    expected = run_float(wanted, x)
    np.testing.assert_allclose(run_float(graph, x), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert len(prune.magnitude(network, 0.5)) == len(prune.magnitude(real.model, 0.5))
