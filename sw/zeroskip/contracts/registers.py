"""The AXI4-Lite registers, in window 0. Offsets in bytes; every register is 32 bits. Made from registers.rdl by ``make registers``."""

from __future__ import annotations

ID = 0x00
VERSION = 0x04
CONFIG_ID = 0x08
SHAPE = 0x0C
CONTROL = 0x10
STATUS = 0x14
ERROR = 0x18
LATENCY = 0x1C
INTERVAL = 0x20
GROUPS = 0x24
WATCHDOG = 0x28
LAYER_LIMIT = 0x2C
EXPECTED_CRC = 0x30
LOAD_CRC = 0x34
LAYER_CYCLES = 0x100

CONTROL_RUN = 1 << 0

STATUS_RUNNING = 1 << 0
STATUS_READY = 1 << 1
STATUS_BUSY = 1 << 2

ERROR_EARLY_LAST = 1 << 0
ERROR_LATE_LAST = 1 << 1
ERROR_LOAD_WHILE_RUNNING = 1 << 2
ERROR_ADDRESS = 1 << 3
ERROR_WATCHDOG = 1 << 4
ERROR_CRC = 1 << 5

ID_RESET = 0x5A53_4B50
VERSION_RESET = 0x0003_0000
LAYER_LIMIT_RESET = 0xFFFF_FFFF
"""Values after reset that are neither 0 nor a matter of the configuration."""
