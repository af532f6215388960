"""The simulated board as a transport of the Python driver."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from zeroskip.contracts.errors import DeviceError

PATIENCE = 100_000
"""Clock cycles without a result after which a transfer is given up."""


class Simulated:
    """Bus and streams of the program ``server``, which ends with the context."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.patience = PATIENCE

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def read(self, address: int) -> int:
        value, answer = self._ask(f"r {address:x}").split()
        if answer != "0":
            raise DeviceError(f"read of {address:#x}: bus answer {answer}")
        return int(value, 16)

    def write(self, address: int, values: Sequence[int]) -> None:
        answer = self._ask(f"w {address:x} {' '.join(f'{value:x}' for value in values)}")
        if answer != "0":
            raise DeviceError(f"write to {address:#x}: bus answer {answer}")

    def transfer(self, sample: bytes, outputs: int) -> bytes:
        return self.transfer_all([sample], outputs)[0]

    def transfer_all(self, samples: Sequence[bytes], outputs: int) -> list[bytes]:
        words = [sample.hex() for sample in samples]
        results = [
            bytes.fromhex(word) for word in self._ask(f"s {len(words)} {self.patience} {' '.join(words)}").split()
        ]
        if len(results) < len(samples):
            self._ask("f")
            raise DeviceError(f"{len(results)} of {len(samples)} results came")
        return results

    def _ask(self, line: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{line}\n")
        stdin.flush()
        return stdout.readline().strip()
