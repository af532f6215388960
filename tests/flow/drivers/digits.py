"""Ten handwritten digits, and two networks for one array that tell them apart: pruned, and pruned further."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch

import zeroskip as zs
from zeroskip import prune
from zeroskip.demo import Digits, network

EPOCHS = 4
SPARSITIES = (0.9, 0.95)


@dataclass(frozen=True, eq=False)
class Ten:
    """first, second : designs of one configuration; x : (10, 8, 8), one scan of each digit, all told apart by both

    model : the network of the second
    calibration : (N, 8, 8)
    """

    first: zs.Design
    second: zs.Design
    x: npt.NDArray[np.float32]
    model: torch.nn.Module
    calibration: torch.Tensor


@cache
def ten() -> Ten:
    digits = Digits.load()
    torch.manual_seed(2)
    model = network()
    batches = digits.batches()
    everything = {name: torch.ones_like(w.parameter, dtype=torch.bool) for name, w in prune.prunable(model).items()}
    prune.fine_tune(model, everything, batches, epochs=EPOCHS, seed=1)
    designs: list[zs.Design] = []
    for sparsity in SPARSITIES:
        masks = prune.magnitude(model, sparsity)
        prune.fine_tune(model, masks, batches, epochs=EPOCHS, seed=1)
        config = designs[0].config if designs else zs.ArrayConfig(lanes=2)
        x = digits.train_x
        designs.append(zs.compile(model, x[:1], calibration=x, masks=masks, config=config))
    first, second = designs
    answers = [design.reference(digits.test_x).argmax(axis=1) for design in designs]
    told = (answers[0] == digits.test_y.numpy()) & (answers[1] == digits.test_y.numpy())
    right = [int(np.flatnonzero(told & (digits.test_y.numpy() == digit))[0]) for digit in range(10)]
    return Ten(first, second, digits.test_x[right].numpy(), model, digits.train_x)
