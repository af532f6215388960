"""Trained networks that the benchmark runs: the demo's, and those whose files are in the data folder (``make data``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from tests.data.folder import data_folder, missing
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.dense import autoencoder, jet_tagger, lenet_300_100
from tests.networks.network import RealNetwork, Source

import zeroskip as zs
from zeroskip import demo
from zeroskip.cli import tables

DATA = data_folder()
SEED = 1


@dataclass(frozen=True, eq=False)
class Case:
    """quality : what the run's outputs are worth, from the simulation's integers."""

    name: str
    design: zs.Design
    x: np.ndarray
    quality: Callable[[zs.Simulation], str]


def checked(
    design: zs.Design, x: np.ndarray, progress: Callable[[str], None], simulator: str = "verilator"
) -> zs.Simulation:
    """Simulate, and refuse to report figures of a run that is not exact."""
    run = design.simulate(x, simulator=simulator, seed=SEED, progress=progress)
    if run.difference is not None or run.cycles != design.cycles or run.errors:
        raise SystemExit(f"bench: the run is not exact: {run.difference or (run.cycles, design.cycles)}")
    return run


def fully_connected() -> Iterator[Case]:
    """The demo's digits first; then whatever data is there."""
    yield _digits()
    for case, *needs in (
        (_lenet, "dns_pruned_lenet", "mnist"),
        (_autoencoder, "mlperf_tiny/ad_autoencoder.npz", "toyadmos_sample"),
        (_jets, "jet_tagging"),
    ):
        if reason := next(filter(None, (missing(DATA, name) for name in needs)), None):
            tables.out.print(f"not measured: {reason}")
        else:
            yield from case()


def convolutional() -> Iterator[tuple[str, Source, RealNetwork]]:
    """Those of the catalog whose data are there."""
    for name, source in CONVOLUTIONAL.items():
        if reason := next(filter(None, (missing(DATA, needed) for needed in source.needs)), None):
            tables.out.print(f"{name}: not measured: {reason}")
        else:
            yield name, source, source.load(DATA)


def compiled(network: RealNetwork, sparsity: float, config: zs.ArrayConfig) -> zs.Design:
    """``sparsity`` of every layer's weights removed by magnitude, without fine-tuning; 0 leaves the network as it is."""
    masks = zs.prune.magnitude(network.model, sparsity) if sparsity else None
    return zs.compile(network.model, network.example, calibration=network.calibration, masks=masks, config=config)


def _digits() -> Case:
    digits = demo.Digits.load()
    model, masks, _ = demo.train(digits, 1, lambda message: None)
    design = zs.compile(
        model, digits.train_x[:1], calibration=digits.train_x, masks=masks, config=zs.ArrayConfig(lanes=demo.LANES)
    )
    return Case(
        "digits 64-256-128-10", design, digits.test_x.numpy(),
        lambda run: f"{digits.test.accuracy(run.outputs):.2%} of {len(digits.test_x)}",
    )  # fmt: skip


def _lenet() -> Iterator[Case]:
    for kind, samples in (("sparse", 1000), ("dense", 100)):
        network = lenet_300_100(DATA, kind)
        design = compiled(network, 0, zs.ArrayConfig(lanes=16))
        exact = network.accuracy(design.reference(network.inputs))
        yield Case(
            f"LeNet-300-100 {kind}",
            design,
            network.inputs[:samples],
            lambda run, exact=exact: f"{exact:.2f}% of 10,000",
        )


def _autoencoder() -> Iterator[Case]:
    network = autoencoder(DATA)
    design = compiled(network, 0.75, zs.ArrayConfig(lanes=16))

    def score(run: zs.Simulation) -> str:
        return f"score {float(((design.dequantize(run.outputs) - network.inputs) ** 2).mean()):.2f}"

    yield Case("autoencoder at 75 %", design, network.inputs, score)


def _jets() -> Iterator[Case]:
    for kind in ("dense", "70pruned"):
        network = jet_tagger(DATA, kind)
        design = compiled(network, 0, zs.ArrayConfig(lanes=4))
        yield Case(f"jet tagger {kind}", design, network.inputs, lambda run: "random inputs")
