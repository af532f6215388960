"""A payload, and C compiled as strictly as a firmware would."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.sw.graphs import chain, layer

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.ends import End
from zeroskip.contracts.payload import Payload
from zeroskip.pack import pack
from zeroskip.quantize import quantize
from zeroskip.schedule import predict, schedule

STRICT = ("-Wall", "-Wextra", "-Werror", "-std=c99", "-pedantic", "-Wconversion", "-Wshadow", "-O2")

Compile = Callable[..., None]


@pytest.fixture
def payload() -> Payload:
    """Two layers, one with an odd name, on two lanes."""
    rng = np.random.default_rng(8)
    first, second = (rng.normal(size=shape) * (rng.random(shape) < 0.5) for shape in ((9, 11), (5, 9)))
    network = quantize(chain([layer(first, name='a"?\\é'), layer(second, name="b")]), rng.normal(size=(20, 11)))
    plan = schedule(network, ArrayConfig(lanes=2, columns=2))
    return Payload(
        config=pack(plan).config, input=End.input_of(network), output=End.output_of(network), cycles=predict(plan),
        images=pack(plan).images,
    )  # fmt: skip


@pytest.fixture
def gcc(require_tool: Callable[[str], str]) -> Compile:
    """``gcc(folder, *words)`` compiles in that folder, warnings being errors."""
    program = require_tool("gcc")

    def compiled(folder: Path, *words: object) -> None:
        command = [program, *STRICT, *map(str, words)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return compiled
