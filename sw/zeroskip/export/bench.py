"""The self-checking testbench of a design as a part of its export."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from zeroskip import reference
from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.streams import to_input_stream, to_output_stream
from zeroskip.quantize import quantize_input
from zeroskip.storage.template import render
from zeroskip.testbench import Testbench
from zeroskip.testbench.vectors import input_words, output_words

from .bundle import Bundle, plain

SAMPLES = 4
"""That are simulated; large networks take minutes for each."""
PACKAGE = "zeroskip.testbench"


def testbench(bundle: Bundle) -> Testbench:
    """Its samples are the first few that the design was saved with or, where there are none, random."""
    saved = bundle.saved
    inputs = _inputs(saved.network, bundle.samples)
    return Testbench(
        program=saved.program, cycles=saved.cycles, verilog=saved.verilog, top=str(bundle.sidecar["top"]),
        inputs=to_input_stream(saved.network, inputs),
        expected=to_output_stream(saved.network, reference.run(saved.network, inputs)),
    )  # fmt: skip


def bench_files(bench: Testbench, images: Mapping[str, bytes]) -> dict[str, bytes | str]:
    """``bench/testbench.v``, its modules beside it, and ``vectors/*.mem``. The simulator runs where ``images`` and ``vectors`` are.

    images : of the export, by path

    The last line of a run begins with PASS or FAIL. With the macro ``ZEROSKIP_STATUS`` a run that fails ends by $fatal.
    """
    config, order = bench.program.config, bench.order
    beat = config.stream_elements
    vectors = {
        "vectors/inputs.mem": plain(input_words(bench.inputs[order], beat), config.stream_bits + 1),
        "vectors/outputs.mem": plain(output_words(bench.expected[order], beat), config.stream_bits + beat + 1),
    }
    modules = {
        path.name: path.read_text() for path in (files(PACKAGE) / "verilog").iterdir() if path.name.endswith(".v")
    }
    values = {**bench.values({**images, **vectors}), "bench": sorted(modules)}
    texts = {"testbench.v": render(PACKAGE, "testbench.v.j2", **values), **dict(sorted(modules.items()))}
    return {**{f"bench/{name}": text for name, text in texts.items()}, **vectors}


def _inputs(network: QuantizedNetwork, samples: npt.NDArray[Any] | None) -> IntArray:
    if samples is not None and len(samples):
        return quantize_input(network, samples[:SAMPLES])
    low, high = (-128, 127) if network.formats[INPUT].signed else (0, 255)
    return np.random.default_rng(1).integers(low, high, (SAMPLES, *network.input_shape), endpoint=True)
