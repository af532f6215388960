"""Values in the command line's files and texts: arrays, examples, words and numbers, or one clear line of refusal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zeroskip.contracts.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch


def load_array(path: Path, option: str) -> np.ndarray[Any, Any]:
    """The array in a .npy file; ``option`` names it in refusals."""
    import numpy as np

    try:
        values = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{option}: {path}: cannot be read: {error.strerror or 'not a .npy file'}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{option}: {path}: must be a .npy file of numbers") from error
    if not isinstance(values, np.ndarray) or values.ndim < 1 or values.dtype.kind not in "fiub":
        raise InputError(f"{option}: {path}: must hold one array of numbers, the first axis counting samples")
    return values


def samples_for(folder: Path, given: Path | None, most: int | None) -> np.ndarray[Any, Any]:
    """The first ``most`` float inputs of ``given``, by default of those that the design in ``folder`` keeps."""
    return load_array(given if given is not None else folder / "inputs.npy", "--inputs")[:most]


def example_input(samples: np.ndarray[Any, Any], shape: str | None) -> torch.Tensor:
    """Zeros in the shape of one sample, as ``--input-shape`` or the samples give it."""
    if shape is None and samples.ndim < 2:
        raise InputError(f"--calibration: must have shape (N, …), not {samples.shape}")
    return example_of(shape, samples.shape[1:])


def example_of(shape: str | None, otherwise: tuple[int, ...] | None) -> torch.Tensor:
    """Zeros in the shape of one sample, as ``--input-shape`` gives it, or ``otherwise``."""
    import torch

    if shape is None:
        if otherwise is None:
            raise InputError("--input-shape: must give the shape of one sample, as 1,28,28; the model does not tell it")
        return torch.zeros(1, *otherwise)
    try:
        sizes = [int(part) for part in shape.split(",")]
    except ValueError:
        sizes = [0]
    if not all(size > 0 for size in sizes):
        raise InputError(f"--input-shape: must be positive numbers with commas, as 1,28,28, not {shape!r}")
    return torch.zeros(1, *sizes)


def words(text: str, option: str) -> list[str]:
    """The words between the commas. None may be empty."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"{option}: must be one or several with commas between, not {text!r}")
    return parts


def numbers(text: str, option: str) -> list[float]:
    """The numbers between the commas."""
    parts = words(text, option)
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise InputError(f"{option}: must be a number, or several with commas between, not {text!r}") from None
