"""The C driver on the RTL: a C program loads, runs and reloads the array through its ports, and everything it finds is as it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.flow.drivers.digits import ten
from tests.flow.drivers.model import HARNESS, call, host
from tests.golden.update import design as golden_design
from torch import nn

import zeroskip as zs
from zeroskip.contracts import registers as reg
from zeroskip.contracts.payload import Payload
from zeroskip.drivers.files import design_header, driver_files

pytestmark = pytest.mark.verilator

OK, CRC = "ok", "the images are damaged: their CRC-32 is not the expected one"
ABSENT, OTHER = "no zeroskip array at this address", "the images were made for another array"
RUNNING, STOPPED = "the array runs; stop it first", "the array does not run; start it first"
ARGUMENT, STREAM, TIMEOUT = (
    "an argument breaks its rule",
    "a packet on a stream has a wrong length",
    "no answer in time",
)


@dataclass(frozen=True, eq=False)
class Case:
    """Two designs of one configuration, and float samples."""

    first: zs.Design
    second: zs.Design
    x: npt.NDArray[np.float32]


def digits() -> Case:
    return Case(ten().first, ten().second, ten().x)


def strips() -> Case:
    """Convolutions on strips of an image: words of three parts, which do not fill their stride."""
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.Flatten())
    x = torch.rand(10, 2, 10, 8)
    designs: list[zs.Design] = []
    for sparsity in (0.3, 0.7):
        config = designs[0].config if designs else zs.ArrayConfig(lanes=2, columns=2, word=8)
        masks = zs.prune.magnitude(model, sparsity)
        designs.append(zs.compile(model, x[:1], calibration=x, masks=masks, config=config))
    return Case(*designs, x.numpy())


def sources(case: Case, folder: Path) -> list[Path]:
    """The driver, three headers and the samples in ``folder``; the C files to compile."""
    payloads = {"first": case.first, "second": case.second, "foreign": golden_design()}
    texts = driver_files(Payload.of(case.first))
    texts |= {f"{name}.h": design_header(Payload.of(design), name) for name, design in payloads.items()}
    samples = in_bytes(case.first, case.x)
    rows = ",\n".join(", ".join(map(str, sample)) for sample in samples)
    texts["samples.h"] = f"#define SAMPLES {len(samples)}u\nstatic const uint8_t samples[] = {{\n{rows}\n}};\n"
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / "zeroskip.c", folder / "zeroskip_fifo.c", HARNESS / "program.c"]


def in_bytes(design: zs.Design, x: npt.NDArray[np.float32]) -> list[bytes]:
    end = Payload.of(design).input
    return end.to_bytes(end.quantize(x))


def classified(what: str, design: zs.Design, case: Case) -> list[str]:
    """What a run of all samples must say: outputs of the reference, the largest of them, predicted cycles."""
    assert in_bytes(design, case.x) == in_bytes(case.first, case.x)
    end = Payload.of(design).output
    outputs = end.to_bytes(design.reference(case.x))
    kind = np.int8 if end.format.signed else np.uint8
    largest = [np.frombuffer(output, dtype=kind).argmax() for output in outputs]
    lines = [f"{what}: ok"]
    lines += [f"sample {i}: largest {largest[i]}: {' '.join(map(str, output))}" for i, output in enumerate(outputs)]
    lines += [f"latency: {design.cycles.latency}", f"interval: {design.cycles.interval}", "groups: 10"]
    lines += [f"layer {name}: {cycles}" for name, cycles in design.cycles.layers.items()]
    return [*lines, "errors: 0"]


def test_the_reference_tells_the_ten_digits_apart() -> None:
    for design in (ten().first, ten().second):
        assert design.reference(ten().x).argmax(axis=1).tolist() == list(range(10))


@pytest.mark.slow
@pytest.mark.parametrize("make", [digits, strips])
def test_a_c_program_gets_the_references_outputs_and_reads_the_predicted_cycles(
    make: Callable[[], Case], tmp_path: Path
) -> None:
    case = make()
    first, config = case.first, case.first.config
    said = call([host(config, sources(case, tmp_path), tmp_path, tmp_path)]).splitlines()
    identity = f"identity: {reg.VERSION_RESET:#x} {config.digest:#x} {config.lanes} {config.columns} {config.word} {config.weight_bits}"
    assert said == [
        f"identify: {OK}", identity, f"identify nothing: {ABSENT}", f"load into nothing: {ABSENT}",
        "identify an old one: the array has a version that this driver does not know",
        f"load of another array: {OTHER}", f"reload of another array: {OTHER}", f"stop: {OK}",
        f"check of the images: {OK}", f"check of damaged images: {CRC}", f"load of damaged images: {CRC}",
        f"start with damaged images: {CRC}", f"errors: {reg.ERROR_CRC:#x}", f"run with damaged images: {STOPPED}",
        "counters: 0 0 0", "errors: 0", f"load: {OK}", f"start: {OK}",
        *classified("run", first, case),
        f"load while it runs: {RUNNING}", "bus errors: 1", f"errors: {reg.ERROR_LOAD_WHILE_RUNNING:#x}", "errors: 0",
        f"run without streams: {ARGUMENT}", f"layer that is not there: {ARGUMENT}", f"sample that is too long: {ARGUMENT}",
        f"result of another length: {STREAM}", f"sample of another length: {TIMEOUT}", f"errors: {reg.ERROR_EARLY_LAST:#x}",
        f"reload of damaged images: {CRC}", f"still running: {OK}",
        f"start without patience: {TIMEOUT}", f"run while stopped: {STOPPED}",
        f"reload: {OK}", *classified("run anew", case.second, case),
        f"load with a low limit: {OK}", f"start with a low limit: {OK}",
        "run with a low limit: the run would not come to its end; stop, load and start",
        f"reload the first: {OK}", *classified("run the first", first, case),
        "bus errors: 1",
    ]  # fmt: skip
