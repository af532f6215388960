"""Weights, found in their publisher's file by what they are.

Keras, TensorFlow, Caffe and PyTorch name the same weights differently and order their axes differently. So names and orders are not
translated: every array of the file is tried in every order of its axes, until its values have the sha256 that ``contents.json``
lists. What cannot be found is refused, so a file that has changed is never taken for another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
from tests.data.contents import Array, arrays, digest
from tests.data.failures import RefusedError


def write_found(candidates: Iterable[Array], folder: Path, name: str, origin: str) -> None:
    """Write the .npz file ``name`` of ``folder``, made of the candidates that ``contents.json`` wants; ``origin`` names their file."""
    wanted = arrays(name)
    held = {digest(turned): turned for value in candidates for turned in _orders(value)}
    if absent := next((array for array, line in wanted.items() if line.sha256 not in held), None):
        raise RefusedError(f"{origin} does not hold {absent} of {name}")
    write(folder / name, {array: held[line.sha256].reshape(line.shape) for array, line in wanted.items()})


def write(path: Path, values: Mapping[str, Array]) -> None:
    """An .npz file, in whatever folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **values)  # type: ignore[arg-type]


def _orders(value: Array) -> Iterable[Array]:
    return (value.transpose(order) for order in permutations(range(value.ndim)))
