"""cocotb tests of a board at its pins. The board wakes up once; every test leaves it running with the first network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.task import bridge
from cocotb.triggers import ClockCycles
from tests.sim.board.cases import Case, documented
from tests.sim.board.host import Host, SimulatedLine

from zeroskip.contracts import registers as reg
from zeroskip.contracts.errors import DeviceError
from zeroskip.contracts.frames import REPLY, Fault, Frame, Kind, Link
from zeroskip.contracts.layout import Layout
from zeroskip.drivers.device import Device
from zeroskip.drivers.uart import Uart

LIMIT_MS = 200
"""A test's limit of simulated time: 20 million clock cycles."""

SEED = cocotb.RANDOM_SEED

IDENTIFY = Frame(kind=Kind.READ, count=1, address=reg.ID)
"""A request that has always the same answer."""


async def driven(host: Host, work: Callable[[Device, Uart], None]) -> None:
    """Run ``work`` with the host's own code on the line."""

    def inside() -> None:
        uart = Uart(SimulatedLine(host), host.bridge.baud, group=host.cases[0].payload.group)
        work(Device(uart, uart), uart)

    await bridge(inside)()


async def require_good(host: Host) -> None:
    """The next good frame works."""
    answer = await host.ask(IDENTIFY)
    assert answer == Frame(
        kind=Kind.READ | REPLY, count=1, address=reg.ID + 4, payload=reg.ID_RESET.to_bytes(4, "little")
    ), f"{answer} (seed {SEED})"
    await ClockCycles(host.dut.clk, 4)
    assert host.dut.lamp_fault.value == 0, f"seed {SEED}"


async def require_fault(host: Host, data: bytes, fault: Fault, **header: int) -> None:
    """``data`` have one answer, which reports ``fault``, and then a good frame works."""
    answers = await host.answers(data)
    assert [answer.fault for answer in answers] == [fault], f"{data[:40].hex()}…: {answers} (seed {SEED})"
    found = {name: getattr(answers[0], name) for name in header}
    assert found == header, f"{data[:40].hex()}…: {answers} (seed {SEED})"
    assert host.dut.lamp_fault.value == 1, f"seed {SEED}"
    await require_good(host)


def require_outputs(device: Device, case: Case) -> None:
    got = device.run_bytes(case.inputs)
    for number, (found, expected) in enumerate(zip(got, case.expected, strict=True)):
        assert found == expected, f"sample {number}: expected {expected.hex()}, got {found.hex()} (seed {SEED})"


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def it_starts_by_itself_and_its_first_run_is_exact(dut: Any) -> None:
    """From the images that it woke up with: outputs, latency, interval, every layer's cycles, groups."""
    host = await Host.open(dut)
    case = host.cases[0]
    groups = len(case.inputs) // case.payload.group

    def work(device: Device, uart: Uart) -> None:
        device.attach(case.payload)
        assert uart.read(reg.STATUS) & (reg.STATUS_RUNNING | reg.STATUS_READY) == reg.STATUS_RUNNING | reg.STATUS_READY
        require_outputs(device, case)
        found, predicted = device.cycles(), case.payload.cycles
        assert found.layers == predicted.layers, f"seed {SEED}"
        assert device.counters().groups == groups, f"seed {SEED}"
        per_frame = uart.at_once(len(case.inputs[0]), len(case.expected[0])) // case.payload.group
        if per_frame >= 1:
            assert found.latency == predicted.latency, f"seed {SEED}"
        if per_frame >= 3:
            assert found.interval == predicted.interval, f"seed {SEED}"
        assert device.errors() == ()

    await driven(host, work)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def samples_one_by_one(dut: Any) -> None:
    host = await Host.open(dut)
    case = host.cases[0]
    if case.payload.group > 1:
        return

    def work(_: Device, uart: Uart) -> None:
        for sample, expected in zip(case.inputs[:3], case.expected[:3], strict=True):
            assert uart.transfer(sample, len(expected)) == expected, f"seed {SEED}"

    await driven(host, work)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def the_board_tells_its_limits(dut: Any) -> None:
    host = await Host.open(dut)
    answer = await host.ask(Frame(kind=Kind.INFO))
    elements = host.cases[0].payload.config.stream_elements
    clock_khz = host.bridge.clock_hz // 1000
    assert Link.of(answer) == Link(payload=host.bridge.payload, clock_khz=clock_khz, elements=elements)
    assert answer.payload == b""


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def the_example_of_the_documentation(dut: Any) -> None:
    """The answers are those that are printed there, byte for byte."""
    host = await Host.open(dut)
    (request,) = documented("host")
    good, refusal = documented("board")
    assert [answer.to_bytes() for answer in await host.answers(request)] == [good]
    spoiled = request[:-1] + bytes([request[-1] ^ 1])
    assert [answer.to_bytes() for answer in await host.answers(spoiled)] == [refusal]
    await require_good(host)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def broken_frames_have_one_answer_each_and_hang_nothing(dut: Any) -> None:
    host = await Host.open(dut)
    good = Frame(kind=Kind.READ, count=4, address=reg.ID).to_bytes()
    stream = Frame(kind=Kind.STREAM, count=1, address=1, payload=host.rng.randbytes(20)).to_bytes()
    wrong_crc = good[:-1] + bytes([good[-1] ^ 0x10])
    too_long = Frame(kind=Kind.WRITE, payload=bytes(host.bridge.payload + 4)).to_bytes()
    await require_fault(host, wrong_crc, Fault.CRC, count=0, address=0)
    await require_fault(host, wrong_crc + good, Fault.CRC)  # what stands in one burst with it is lost
    for size in (1, 4, len(good) - 1):
        await require_fault(host, good[:size], Fault.TIMEOUT, count=0, address=0)
    await require_fault(host, stream[:-7], Fault.TIMEOUT)
    await require_fault(host, too_long, Fault.LENGTH)
    await require_fault(host, b"\x00", Fault.SYNC)
    await require_fault(host, b"\xff" + good, Fault.SYNC)
    for kind in (0, 5, 0x80, 0xFF):
        await require_fault(host, Frame(kind=kind, count=7, address=9).to_bytes(), Fault.KIND, count=0, address=9)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def requests_of_wrong_length_are_refused(dut: Any) -> None:
    host = await Host.open(dut)
    words, elements = host.bridge.payload // 4, host.cases[0].payload.config.stream_elements
    wrong = [
        Frame(kind=Kind.INFO, payload=b"x"), Frame(kind=Kind.READ), Frame(kind=Kind.READ, count=words + 1),
        Frame(kind=Kind.READ, count=1, payload=b"1234"), Frame(kind=Kind.WRITE), Frame(kind=Kind.WRITE, payload=b"123"),
        Frame(kind=Kind.WRITE, payload=b"12345"), Frame(kind=Kind.STREAM, address=1 << 16, payload=bytes(elements)),
    ]  # fmt: skip
    if elements > 1:
        wrong.append(Frame(kind=Kind.STREAM, payload=bytes(elements + 1)))
    for frame in wrong:
        await require_fault(host, frame.to_bytes(), Fault.LENGTH, count=0, address=frame.address)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_byte_without_stop_bit_spoils_its_frame(dut: Any) -> None:
    host = await Host.open(dut)
    await host.source.write(IDENTIFY.to_bytes()[:5])
    await host.source.wait()
    dut.rx.value = 0
    await host.pause(15 * host.bridge.divisor)
    dut.rx.value = 1
    await require_fault(host, b"", Fault.LINE)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def garbage_hangs_nothing(dut: Any) -> None:
    host = await Host.open(dut)
    good = Frame(kind=Kind.WRITE, address=reg.LAYER_LIMIT, payload=b"\xff\xff\xff\xff").to_bytes()
    for number in range(30):
        garbage = bytearray(host.rng.randbytes(host.rng.randrange(1, 60)))
        if number % 2:
            garbage = bytearray(good)
            for _ in range(host.rng.randrange(1, 4)):
                garbage[host.rng.randrange(len(good))] ^= 1 << host.rng.randrange(8)
            if garbage == good:
                continue
        answers = await host.answers(bytes(garbage))
        assert len(answers) == 1, f"{number}: {garbage.hex()}: {answers} (seed {SEED})"
        assert answers[0].fault is not None, f"{number}: {garbage.hex()}: {answers} (seed {SEED})"
    await require_good(host)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def refusals_of_the_register_port_are_told(dut: Any) -> None:
    """With the address, and how many words were done before it."""
    host = await Host.open(dut)
    layout = Layout(host.cases[0].payload.config)
    gap, beyond = reg.LOAD_CRC + 4, 1 << layout.address_bits
    read, write = Kind.READ, Kind.WRITE
    await require_fault(host, Frame(kind=read, count=1, address=gap).to_bytes(), Fault.BUS, count=0, address=gap)
    await require_fault(host, Frame(kind=read, count=16, address=reg.ID).to_bytes(), Fault.BUS, count=14, address=gap)
    await require_fault(host, Frame(kind=read, count=2, address=beyond).to_bytes(), Fault.BUS, count=0, address=beyond)
    limits = b"\x00\x00\x01\x00" + b"\xff" * 4
    await require_fault(
        host, Frame(kind=write, address=reg.LAYER_LIMIT - 4, payload=limits + bytes(4) + b"\xff" * 4).to_bytes(),
        Fault.BUS, count=3, address=reg.LOAD_CRC,
    )  # fmt: skip
    answer = await host.ask(Frame(kind=read, count=2, address=reg.WATCHDOG))
    assert answer.payload == limits
    memory = 1 << layout.window_bits
    await require_fault(host, Frame(kind=write, address=memory, payload=bytes(4)).to_bytes(), Fault.BUS, address=memory)

    def work(device: Device, uart: Uart) -> None:
        assert device.errors() == ("LOAD_WHILE_RUNNING", "ADDRESS")
        device.clear_errors()
        try:
            uart.read(gap)
        except DeviceError as error:
            assert str(error) == f"READ: the register port refuses address {gap:#x}"  # noqa: PT017
        else:
            raise AssertionError("no refusal")

    await driven(host, work)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_run_that_does_not_move_is_given_up(dut: Any) -> None:
    """A stopped array takes nothing; started again, it works."""
    host = await Host.open(dut)
    case = host.cases[0]
    elements = case.payload.config.stream_elements
    beats = -(-len(case.inputs[0]) // elements)
    sample = case.inputs[0].ljust(beats * elements, b"\0")[: host.bridge.payload]
    stop = Frame(kind=Kind.WRITE, address=reg.CONTROL, payload=bytes(4))
    assert (await host.ask(stop)).kind == Kind.WRITE | REPLY
    answer = await host.ask(Frame(kind=Kind.STREAM, count=1, address=beats, payload=sample))
    assert answer.fault == Fault.STALLED, f"{answer} (seed {SEED})"
    start = replace(stop, payload=reg.CONTROL_RUN.to_bytes(4, "little"))
    assert (await host.ask(start)).kind == Kind.WRITE | REPLY
    # Outputs that are not there do not come either.
    answer = await host.ask(Frame(kind=Kind.STREAM, count=1))
    assert answer.fault == Fault.STALLED, f"{answer} (seed {SEED})"

    def work(device: Device, _: Uart) -> None:
        device.attach(case.payload)
        require_outputs(device, case)

    await driven(host, work)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def a_sample_of_wrong_length_is_seen_in_the_error_register(dut: Any) -> None:
    host = await Host.open(dut)
    case = host.cases[0]

    def work(device: Device, uart: Uart) -> None:
        device.attach(case.payload)
        try:
            device.run_bytes([case.inputs[0][: uart.link.elements]] * case.payload.group)
        except DeviceError as error:
            assert str(error) == "the run failed: ERROR.EARLY_LAST is set"  # noqa: PT017
        else:
            raise AssertionError("no refusal")
        device.clear_errors()
        require_outputs(device, case)

    await driven(host, work)


@cocotb.test(timeout_time=LIMIT_MS, timeout_unit="ms")
async def networks_are_loaded_over_the_line(dut: Any) -> None:
    """Newly pruned weights, and the first ones again; outputs and cycles are those of what was loaded last."""
    host = await Host.open(dut)

    def work(device: Device, _: Uart) -> None:
        for case in (*host.cases[1:], host.cases[0]):
            device.reload(case.payload)
            require_outputs(device, case)
            assert device.cycles().layers == case.payload.cycles.layers, f"seed {SEED}"

    await driven(host, work)
