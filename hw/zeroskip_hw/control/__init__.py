"""Registers, counters, the order of layers, and the watchdog over it."""
