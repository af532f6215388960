"""From the output stream to an answer's payload."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out


class Gatherer(Component):
    """Takes beats, one per cycle, into the words ``first`` … ``words`` - 1 of a memory, until ``samples`` have ended or the memory is full.

    Parameters
    ----------
    first, words : words of the memory
    elements : bytes of a beat

    Members
    -------
    start : In(1), samples : In(16)
        Begins; 0 samples take nothing. ``samples`` stays constant.
    drop : In(1)
        Ends at once.
    finished : Out(1)
        Nothing more is taken.
    ended, bytes : Out
        Samples that ended, and kept bytes, since ``start``.
    valid : In(1), ready : Out(1), keep : In(elements), last : In(1)
        The stream's handshake; ``ready`` is a register.
    write : Out(1), write_address : Out
        The beat's data and ``keep`` are to be written there in this cycle.

    """

    def __init__(self, *, first: int, words: int, elements: int) -> None:
        self._first, self._words = first, words
        super().__init__({
            "start": In(1), "samples": In(16), "drop": In(1), "finished": Out(1),
            "ended": Out(range(words + 1)), "bytes": Out(range(words * elements + 1)),
            "valid": In(1), "ready": Out(1), "keep": In(elements), "last": In(1),
            "write": Out(1), "write_address": Out(range(words)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += [self.write.eq(self.valid & self.ready), self.finished.eq(~self.ready)]
        with m.If(self.start):
            m.d.sync += [
                self.ready.eq(self.samples != 0), self.write_address.eq(self._first),
                self.ended.eq(0), self.bytes.eq(0),
            ]  # fmt: skip
        with m.Elif(self.drop):
            m.d.sync += self.ready.eq(0)
        with m.Elif(self.write):
            kept = sum(self.keep[1:], self.keep[0])
            m.d.sync += [self.write_address.eq(self.write_address + 1), self.bytes.eq(self.bytes + kept)]
            with m.If(self.last):
                m.d.sync += self.ended.eq(self.ended + 1)
            with m.If((self.last & (self.ended + 1 == self.samples)) | (self.write_address == self._words - 1)):
                m.d.sync += self.ready.eq(0)
        return m
