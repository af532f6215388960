"""The pipeline: a model becomes a design, and a design is simulated. The only module that calls the hardware and the simulation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zeroskip import reference
from zeroskip.contracts.bridge import BridgeConfig
from zeroskip.contracts.config import CHOSEN, ArrayConfig
from zeroskip.contracts.cycles import Cycles
from zeroskip.contracts.errors import InputError, MismatchError
from zeroskip.contracts.extras import needs_extra
from zeroskip.contracts.host import on_host
from zeroskip.contracts.network import IntArray, QuantizedNetwork
from zeroskip.contracts.program import Program
from zeroskip.contracts.streams import from_output_stream, to_input_stream, to_output_stream
from zeroskip.explore.fit import Fit, fit
from zeroskip.frontend import capture
from zeroskip.pack import pack
from zeroskip.quantize import dequantize, quantize, quantize_input
from zeroskip.schedule import Memory, Schedule, predict, prepared, schedule
from zeroskip.schedule.dense import dense_cycles
from zeroskip.storage import design_folder
from zeroskip.storage.atomic import write_bytes
from zeroskip.summary import Summary, summarise
from zeroskip.synth import target_named
from zeroskip.synth.netlist import map_design
from zeroskip.synth.netlist import require as require_netlist
from zeroskip.testbench import Testbench
from zeroskip.testbench import write as write_testbench
from zeroskip.waves import save_files, wanted

if TYPE_CHECKING:
    import torch

    from zeroskip_sim.checks import Check

KEPT_SAMPLES = 64
"""Inputs that a saved design keeps for its simulation."""

Progress = Callable[[str], None]


def silent(message: str) -> None:
    """Shows no progress."""


def wave_simulator() -> str | None:
    """The simulator that can record waves on this machine, or None."""
    with needs_extra("sim"):
        from zeroskip_sim import build

    return build.wave_simulator()


def board_verilog(config: ArrayConfig, bridge: BridgeConfig) -> Mapping[str, str]:
    """Verilog by file name of a board's top around the array of ``config``, with the module ``BOARD_TOP``."""
    from zeroskip_hw.board.verilog import board_verilog

    return board_verilog(config, bridge)


def default_simulator(netlist: str | None) -> str:
    """The simulator for the RTL, or for a netlist: Verilator takes minutes to compile one."""
    return "verilator" if netlist is None else "icarus"


def compile(
    model: torch.nn.Module,
    example_input: torch.Tensor,
    *,
    calibration: npt.ArrayLike,
    masks: Mapping[str, torch.Tensor] | None = None,
    config: ArrayConfig | None = None,
    target: str | None = None,
    free: Sequence[str] = CHOSEN,
    progress: Progress = silent,
) -> Design:
    """Capture, quantize, schedule and pack ``model``. The Verilog is elaborated when it is first needed.

    model : uses the operators that docs/06-operators.md lists; it is not changed
    example_input : (N, …) float, any N of at least 1
    calibration : (N, …) float inputs that set the activations' ranges
    masks : parameter name → bool tensor of its shape, True where a weight is kept; without masks, weights that are zero are pruned
    config : the array; capacities left at 0 are sized to the network. With the sized configuration of an earlier design, newly
        pruned weights of the same shapes run on the same Verilog or bitstream, as long as they fit.
    target : a part of :data:`zeroskip.synth.TARGETS`. Lanes, columns and epilogues are chosen so that the array fits the part by
        estimate and takes the fewest cycles; ``config`` gives the rest. The choice is in ``Design.fit``.
    free : which of ``lanes``, ``columns`` and ``epilogues`` are chosen for the target
    progress : called with a line before each step

    Raises UnsupportedError that lists all operators that cannot be built, and InputError and CapacityError as each step does.
    """
    config = config or ArrayConfig()
    progress("capturing the network")
    graph = capture(model, example_input, dict(masks) if masks is not None else None)
    progress("quantizing")
    network = quantize(graph, np.asarray(calibration), weight_bits=config.weight_bits, act_bits=config.act_bits)
    if target is None:
        return assemble(network, config, progress)
    progress(f"choosing an array for {target}")
    found = fit(network, target_named(target), config, free=free, progress=progress)
    chosen = replace(config, **{name: getattr(found.chosen.config, name) for name in CHOSEN})
    return replace(_designed(network, chosen, found.plan, found.chosen.cycles), fit=found)


def assemble(network: QuantizedNetwork, config: ArrayConfig, progress: Progress = silent) -> Design:
    """Schedule, pack and predict an integer network: the second half of :func:`compile`, for networks quantized elsewhere."""
    progress("scheduling and packing")
    plan = schedule(network, config)
    progress("predicting cycles")
    return _designed(network, config, plan, predict(plan))


def _designed(network: QuantizedNetwork, config: ArrayConfig, plan: Schedule, cycles: Cycles) -> Design:
    return Design(
        network=network,
        program=pack(plan),
        cycles=cycles,
        dense_cycles=dense_cycles(network, config),
        memory=plan.memory,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Simulation:
    """One run of the RTL.

    outputs : integers of the same shape and dtype as :meth:`Design.reference` gives
    cycles : as counted in the RTL; with stalls only ``layers`` can be compared with the prediction
    difference : None, or the first difference from the reference: sample, layer, row, column, expected, got, cycle and seed
    errors : the ERROR register at the end, 0 when all is well
    checks : every point that the run must fulfil: outputs, STATUS and GROUPS at the end, errors, cycles of each layer, and without
        stalls latency and interval
    simulator : that ran
    netlist : as given to :meth:`Design.simulate`
    seed : as given
    stalls : as given
    clock_cycles : simulated clock cycles
    seconds : wall time of the run, start-up and comparison included
    folder : holds results, waves and logs; None when it was temporary and all went well
    """

    outputs: IntArray
    cycles: Cycles
    difference: str | None
    errors: int
    checks: tuple[Check, ...]
    simulator: str
    netlist: str | None
    seed: int
    stalls: bool
    clock_cycles: int
    seconds: float
    folder: Path | None

    @property
    def failure(self) -> str | None:
        """The first failure and the number of further ones, or None."""
        failures = [check.failure for check in self.checks if check.failure is not None]
        if not failures:
            return None
        return failures[0] + (f" (and {len(failures) - 1} more: see results.xml)" if len(failures) > 1 else "")


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A network on an array: integers, images, prediction, Verilog.

    network : the integer network that the reference computes
    program : memory images and sized configuration
    cycles : predicted cycles for one group of ``columns`` samples
    dense_cycles : the same on the same array with every weight kept and no mask in the way
    memory : addresses of the activations between the layers, in every lane
    fit : the choice of lanes, columns and epilogues, where they were chosen for a part

    ``memory`` and ``fit`` go into the report, not into a saved design.
    """

    network: QuantizedNetwork
    program: Program
    cycles: Cycles
    dense_cycles: Cycles
    memory: Memory | None = None
    fit: Fit | None = None

    @property
    def config(self) -> ArrayConfig:
        return self.program.config

    @cached_property
    def summary(self) -> Summary:
        """Weights, cycles and bits per layer, beside the same array run dense."""
        return summarise(self.program, self.cycles, self.dense_cycles)

    @cached_property
    def _generated(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        from zeroskip_hw.verilog import generate

        result = generate(self.config)
        return result.files, result.sidecar

    @property
    def verilog(self) -> Mapping[str, str]:
        """Verilog text by file name; a function of ``config`` alone."""
        return self._generated[0]

    def quantize_input(self, x: npt.ArrayLike) -> IntArray:
        """Float inputs (N, …) → the integers that enter the RTL, same shape."""
        return quantize_input(self.network, np.asarray(x))

    def dequantize(self, y: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Integer outputs → floats, same shape."""
        return dequantize(self.network, np.asarray(y))

    def reference(self, x: npt.ArrayLike) -> IntArray:
        """Integer outputs (N, …) for float inputs, computed by PyTorch with the masked weights."""
        return reference.run(self.network, self.quantize_input(x))

    def predict(self, x: npt.ArrayLike) -> npt.NDArray[Any]:
        """What the float model gives for ``x`` (N, …), as the array and its host compute it: (N, …) floats, or places of an argmax."""
        return self.finish(self.reference(x))

    def finish(self, y: npt.ArrayLike) -> npt.NDArray[Any]:
        """Integer outputs → what the model gives: floats behind the operators that the host computes, as a softmax at the end."""
        return on_host(self.network.host, self.dequantize(y))

    def simulate(
        self,
        x: npt.ArrayLike,
        *,
        simulator: str | None = None,
        netlist: str | None = None,
        seed: int = 1,
        stalls: bool = False,
        waves: bool = False,
        folder: str | Path | None = None,
        reset_at: int = 0,
        progress: Progress = silent,
    ) -> Simulation:
        """Run the RTL on float inputs ``x`` (N, …) and compare every output with the reference.

        simulator : ``verilator`` or ``icarus``; by default Verilator, and for a netlist Icarus, which compiles it much sooner
        netlist : simulate what synthesis makes of the RTL, with the images in it, for a family (``ice40``, ``ecp5``, ``gowin``) or a part
            of :data:`zeroskip.synth.TARGETS`. Its flip-flops are unknown at power-up. No activation is located in it
        seed : seed of the pauses and of the initial contents of registers and memories
        stalls : pause both streams at random
        waves : record signals in ``folder``: FST under Verilator, VCD under Icarus; with save files for GTKWave and Surfer
        folder : keep results, logs, waves and a JUnit report, ``results.xml``, here; by default they are kept only after a failure
        reset_at : reset the array once, so many cycles after the start, and begin again; 0 for no reset
        progress : called with a line before each step

        A mismatch is not an exception: look at ``failure``. Raises MismatchError when the array gives no result at all, ToolMissingError
        with the command that installs an absent program, and InputError for unusable inputs.
        """
        with needs_extra("sim"):
            from zeroskip_sim.checks import Check, checks, write_junit
            from zeroskip_sim.locate import locate
            from zeroskip_sim.request import Request
            from zeroskip_sim.run import DUT, WAVES, run

        if netlist is not None:
            require_netlist(netlist)
        simulator = simulator or default_simulator(netlist)
        inputs = self.quantize_input(x)
        if not len(inputs):
            raise InputError("simulate needs at least one sample")
        flat = to_input_stream(self.network, inputs)
        expected = to_output_stream(self.network, reference.run(self.network, inputs))
        home = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="zeroskip-"))
        shutil.rmtree(home / "images", ignore_errors=True)
        design_folder.write_images(self.program, home / "images")
        verilog = self.verilog if netlist is None else self._netlist(netlist, home, progress)
        progress(f"elaborating and compiling the Verilog for {simulator}, or taking it from the cache")
        request = Request(
            program=self.program, inputs=flat, expected=expected, output=self.network.output,
            most_cycles=self.cycles.latency + self.cycles.interval, images=home, folder=home, seed=seed, stalls=stalls, reset_at=reset_at,
        )  # fmt: skip
        if waves:
            groups = wanted(self.verilog.values(), self._generated[1]["top"])
            for name, text in save_files(WAVES[simulator], groups, DUT).items():
                write_bytes(text.encode(), home / name)
        report, suite = home / "results.xml", ".".join(filter(None, ("zeroskip", netlist, simulator)))
        try:
            result = run(request, verilog, simulator=simulator, waves=waves, progress=progress)
        except MismatchError as error:
            write_junit(report, suite, [Check("outputs", str(error))], 0.0)
            raise
        difference = result.difference
        if difference is not None and netlist is not None:
            difference = f"{difference}; in a netlist no activation can be located; seed {seed}"
        elif difference is not None:
            progress("looking for the first wrong activation")
            run(replace(request, trace=True), self.verilog, simulator=simulator, progress=progress)
            simulated = prepared(self.network)
            signed = {tensor: value.signed for tensor, value in simulated.formats.items()}
            found = locate(self.program, reference.run_layers(simulated, inputs), signed, home / "trace.txt")
            difference = f"{difference}; {found or 'all layers are right, so the output stream is wrong'}; seed {seed}"
        found_checks = checks(
            difference=difference, registers=result.registers, errors=result.errors, simulated=result.cycles,
            predicted=self.cycles, stalls=stalls,
        )  # fmt: skip
        write_junit(report, suite, found_checks, result.seconds)
        kept = folder is not None or waves or any(check.failure for check in found_checks)
        if not kept:
            shutil.rmtree(home)
        return Simulation(
            outputs=from_output_stream(self.network, result.outputs), cycles=result.cycles,
            difference=difference, errors=result.errors, checks=found_checks, simulator=simulator, netlist=netlist, seed=seed,
            stalls=stalls, clock_cycles=result.clock_cycles, seconds=result.seconds, folder=home if kept else None,
        )  # fmt: skip

    def testbench(self, x: npt.ArrayLike, folder: str | Path) -> Path:
        """Write a self-checking Verilog testbench with float inputs ``x`` (N, …), and all that it needs, whole or not at all.

        It runs in any simulator, without Python: docs/testbench.md. Raises InputError for no inputs and for a folder in the way.
        """
        inputs = self.quantize_input(x)
        if not len(inputs):
            raise InputError("a testbench needs at least one sample")
        expected = to_output_stream(self.network, reference.run(self.network, inputs))
        bench = Testbench(
            program=self.program, cycles=self.cycles, verilog=self.verilog, top=self._generated[1]["top"],
            inputs=to_input_stream(self.network, inputs), expected=expected,
        )  # fmt: skip
        return write_testbench(bench, folder)

    def _netlist(self, target: str, home: Path, progress: Progress) -> Mapping[str, str]:
        """Sources of a simulation of the netlist, with the images in ``home``. The netlist is kept beside the compiled models."""
        with needs_extra("sim"):
            from zeroskip_sim.build import cache_folder
            from zeroskip_sim.netlist import netlist_sources
        mapped = map_design(self.verilog, home, target, cache=cache_folder() / "netlists", progress=progress)
        sources = netlist_sources(mapped.verilog, mapped.models, mapped.unmodelled)
        for name, text in sources.items():
            (home / name).write_text(text)
        return sources

    def save(
        self,
        folder: str | Path,
        *,
        image_formats: Sequence[str] = ("mem",),
        samples: npt.ArrayLike | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write Verilog, images, manifest, integer network and report to ``folder``, whole or not at all.

        image_formats : of ``mem``, ``hex``, ``coe``, ``mif`` and ``bin``; ``mem`` is always written, because the Verilog reads it
        samples : float inputs (N, …) that ``zeroskip sim`` uses by default; the first ``KEPT_SAMPLES`` are kept
        report : further figures for ``report.json``
        """
        saved = design_folder.Saved(
            network=self.network, program=self.program, cycles=self.cycles, dense_cycles=self.dense_cycles,
            verilog=self.verilog, sidecar=self._generated[1],
        )  # fmt: skip
        kept = None if samples is None else np.asarray(samples)[:KEPT_SAMPLES]
        further = {"memory": self.memory, "fit": self.fit}
        figures = self.summary.to_json() | {name: part.to_json() for name, part in further.items() if part is not None}
        figures |= report or {}
        return design_folder.save(saved, folder, image_formats=image_formats, samples=kept, report=figures)

    @classmethod
    def load(cls, folder: str | Path) -> Design:
        """Read a folder that :meth:`save` wrote. Every file is checked against the manifest. The Verilog is the saved one."""
        saved = design_folder.load(folder)
        design = cls(network=saved.network, program=saved.program, cycles=saved.cycles, dense_cycles=saved.dense_cycles)
        design.__dict__["_generated"] = (saved.verilog, saved.sidecar)
        return design
