"""What the gateware around the array is made from on a board: clock, serial line, memory for frames, lamps."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import InputError
from .frames import LEAST_PAYLOAD, MOST_PAYLOAD

BOARD_TOP = "zeroskip_board"
"""Module name of a board's top."""

LEAST_DIVISOR = 4
"""Clock cycles of a bit: the receiver needs some to find its middle."""

LARGEST_BAUD_ERROR = 0.02
"""Share by which the line may differ from the wanted rate; ten bits then drift by a fifth of a bit."""

SILENCE = 0.05
"""Seconds without a byte that end a broken frame. Drivers and USB bridges pause for milliseconds within a frame."""

PATIENCE = 4.0
"""Seconds without a beat after which a run is given up. No network on these boards takes that long for one sample."""

LAMPS = ("alive", "busy", "fault")
"""Lamps: blinks at about 1 Hz; a request is being received, done or answered; the latest answer was a refusal."""


@dataclass(frozen=True, kw_only=True)
class BridgeConfig:
    """Parameters of the bridge on one board.

    clock_hz : of the board's oscillator, which clocks the array too
    baud : bits per second of the serial line: 8 data bits, no parity, one stop bit
    payload : bytes of the largest payload, a power of two; as large is each of the two memories, for requests and for answers
    silence : clock cycles without a byte that end a broken frame; by default SILENCE
    patience : clock cycles without a beat after which a run is given up; by default PATIENCE
    lamps : those that the board has, of LAMPS
    lamps_low : whether a lamp shines when its pin is low
    """

    clock_hz: int
    baud: int
    payload: int = 512
    silence: int = 0
    patience: int = 0
    lamps: tuple[str, ...] = LAMPS
    lamps_low: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.baud * LEAST_DIVISOR <= self.clock_hz:
            raise InputError(
                f"baud must be 1 … {self.clock_hz // LEAST_DIVISOR:,} at a clock of {self.clock_hz:,} Hz, not {self.baud:,}"
            )
        if self.baud_error > LARGEST_BAUD_ERROR:
            raise InputError(
                f"baud {self.baud:,}: a clock of {self.clock_hz:,} Hz gives {self.clock_hz / self.divisor:,.0f}, which is more"
                f" than {LARGEST_BAUD_ERROR:.0%} off"
            )
        if self.payload & (self.payload - 1) or not LEAST_PAYLOAD <= self.payload <= MOST_PAYLOAD:
            raise InputError(
                f"payload must be a power of two of {LEAST_PAYLOAD} … {MOST_PAYLOAD} bytes, not {self.payload}"
            )
        if self.silence_cycles < 16 * self.divisor:
            raise InputError(
                f"silence must be at least 16 bits, {16 * self.divisor} clock cycles, not {self.silence_cycles}"
            )
        unknown = [lamp for lamp in self.lamps if lamp not in LAMPS]
        if unknown:
            raise InputError(f"lamps must be of {', '.join(LAMPS)}, not {unknown[0]!r}")

    @property
    def divisor(self) -> int:
        """Clock cycles of one bit."""
        return max(1, round(self.clock_hz / self.baud))

    @property
    def baud_error(self) -> float:
        """Share by which the line differs from ``baud``."""
        return abs(self.clock_hz / self.divisor / self.baud - 1)

    @property
    def silence_cycles(self) -> int:
        return self.silence or max(round(SILENCE * self.clock_hz), 16 * self.divisor)

    @property
    def patience_cycles(self) -> int:
        return self.patience or round(PATIENCE * self.clock_hz)
