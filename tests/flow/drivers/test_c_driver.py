"""The C driver on the RTL: a C program loads, runs and reloads the array through its ports, and everything it finds is as it must be."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flow.drivers.digits import Ten, ten
from tests.flow.drivers.model import HARNESS, call, host
from tests.golden.update import design as golden_design

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


def sources(digits: Ten, folder: Path) -> list[Path]:
    """The driver, three headers and ten samples in ``folder``; the C files to compile."""
    payloads = {"first": digits.first, "second": digits.second, "foreign": golden_design()}
    texts = driver_files(Payload.of(digits.first))
    texts |= {f"{name}.h": design_header(Payload.of(design), name) for name, design in payloads.items()}
    first = Payload.of(digits.first)
    samples = first.input.to_bytes(first.input.quantize(digits.x), strips=False)
    rows = ",\n".join(", ".join(map(str, sample)) for sample in samples)
    texts["samples.h"] = f"#define SAMPLES {len(samples)}u\nstatic const uint8_t samples[] = {{\n{rows}\n}};\n"
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / "zeroskip.c", folder / "zeroskip_fifo.c", HARNESS / "digits.c"]


def classified(what: str, design: zs.Design, digits: Ten) -> list[str]:
    """What a run of the ten digits must say: right digits, outputs of the reference, predicted cycles."""
    outputs = Payload.of(design).output.to_bytes(design.reference(digits.x), strips=False)
    lines = [f"{what}: ok"]
    lines += [f"sample {i}: digit {i}: {' '.join(map(str, output))}" for i, output in enumerate(outputs)]
    lines += [f"latency: {design.cycles.latency}", f"interval: {design.cycles.interval}", "groups: 10"]
    lines += [f"layer {name}: {cycles}" for name, cycles in design.cycles.layers.items()]
    return [*lines, "errors: 0"]


@pytest.mark.slow
def test_a_c_program_classifies_ten_digits_and_reads_the_predicted_cycles(tmp_path: Path) -> None:
    digits = ten()
    first, config = digits.first, digits.first.config
    said = call([host(config, sources(digits, tmp_path), tmp_path, tmp_path)]).splitlines()
    identity = f"identity: {reg.VERSION_RESET:#x} {config.digest:#x} {config.lanes} {config.columns} {config.word} {config.weight_bits}"
    assert said == [
        f"identify: {OK}", identity, f"identify nothing: {ABSENT}", f"load into nothing: {ABSENT}",
        "identify an old one: the array has a version that this driver does not know",
        f"load of another array: {OTHER}", f"reload of another array: {OTHER}", f"stop: {OK}",
        f"check of the images: {OK}", f"check of damaged images: {CRC}", f"load of damaged images: {CRC}",
        f"start with damaged images: {CRC}", f"errors: {reg.ERROR_CRC:#x}", f"run with damaged images: {STOPPED}",
        "counters: 0 0 0", "errors: 0", f"load: {OK}", f"start: {OK}",
        *classified("run", first, digits),
        f"load while it runs: {RUNNING}", "bus errors: 1", f"errors: {reg.ERROR_LOAD_WHILE_RUNNING:#x}", "errors: 0",
        f"run without streams: {ARGUMENT}", f"layer that is not there: {ARGUMENT}", f"sample that is too long: {ARGUMENT}",
        f"result of another length: {STREAM}", f"sample of another length: {TIMEOUT}", f"errors: {reg.ERROR_EARLY_LAST:#x}",
        f"reload of damaged images: {CRC}", f"still running: {OK}",
        f"start without patience: {TIMEOUT}", f"run while stopped: {STOPPED}",
        f"reload: {OK}", *classified("run anew", digits.second, digits),
        f"load with a low limit: {OK}", f"start with a low limit: {OK}",
        "run with a low limit: the run would not come to its end; stop, load and start",
        f"reload the first: {OK}", *classified("run the first", first, digits),
        "bus errors: 1",
    ]  # fmt: skip
