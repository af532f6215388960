"""Drivers of an array on a board: C for bare metal, Python for Linux and for anything that can read and write registers. No torch."""
