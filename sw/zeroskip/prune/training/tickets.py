"""Lottery tickets: masks and the values from which their weights train, and their files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import apply, check
from zeroskip.prune.masks.weights import Masks
from zeroskip.prune.model.state import State
from zeroskip.storage.atomic import write_bytes, write_json


@dataclass(frozen=True, kw_only=True, eq=False)
class Ticket:
    """The result of one round of pruning.

    round : from 1
    masks : on the CPU, as a criterion returns them
    state : rewound parameters and buffers; removed weights are +0.0
    losses : by epoch, of the training that found this ticket
    """

    round: int
    masks: Masks
    state: State
    losses: tuple[float, ...]

    @property
    def total(self) -> int:
        return sum(mask.numel() for mask in self.masks.values())

    @property
    def kept(self) -> int:
        return sum(int(mask.count_nonzero()) for mask in self.masks.values())

    @property
    def sparsity(self) -> float:
        return 1 - self.kept / self.total if self.total else 0.0

    def restore(self, model: nn.Module) -> None:
        """Give ``model`` the rewound values, ready to be trained by ``fine_tune(model, ticket.masks, …)``."""
        model.load_state_dict(self.state)
        apply(model, self.masks)


def write(ticket: Ticket, folder: Path, run: Mapping[str, Any]) -> None:
    """Write ``ticket-01.safetensors``, then ``ticket-01.json``, each whole or not at all. The second says that the first is complete.

    run : origin of the ticket, which :func:`read_all` compares
    """
    tensors = {f"mask.{name}": mask.contiguous() for name, mask in ticket.masks.items()}
    tensors |= {f"state.{name}": value for name, value in ticket.state.items()}
    path = _path(folder, ticket.round)
    figures = {
        "content": "zeroskip ticket", "version": 1, "round": ticket.round, "kept": ticket.kept, "total": ticket.total,
        "sparsity": ticket.sparsity, "losses": list(ticket.losses), "run": dict(run),
    }  # fmt: skip
    write_bytes(save(tensors), path)
    write_json(figures, path.with_suffix(".json"))


def read_all(folder: Path, model: nn.Module, run: Mapping[str, Any], rounds: int) -> list[Ticket]:
    """The complete tickets of ``folder`` from round 1 on without a gap, at most ``rounds``.

    Raises InputError for a ticket of another run, and for one that cannot be read or does not fit ``model``.
    """
    found: list[Ticket] = []
    while len(found) < rounds and _path(folder, len(found) + 1).with_suffix(".json").is_file():
        found.append(_read(_path(folder, len(found) + 1), model, run))
    return found


def _path(folder: Path, number: int) -> Path:
    return folder / f"ticket-{number:02}.safetensors"


def _read(path: Path, model: nn.Module, run: Mapping[str, Any]) -> Ticket:
    location = f"ticket {str(path.with_suffix('.json'))!r}"
    try:
        figures = json.loads(path.with_suffix(".json").read_text())
        before, number, losses = dict(figures["run"]), int(figures["round"]), tuple(map(float, figures["losses"]))
        tensors = load_file(path)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{location}: cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None
    for key, value in run.items():
        if before.get(key) != value:
            raise InputError(
                f"{location} is of another run, whose {key} was {before.get(key)!r}, not {value!r}; choose another folder"
            )
    parts: dict[str, State] = {"mask": {}, "state": {}}
    for key, tensor in tensors.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = tensor
    check(model, parts["mask"])
    return Ticket(round=number, masks=parts["mask"], state=parts["state"], losses=losses)
