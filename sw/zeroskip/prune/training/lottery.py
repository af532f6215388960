"""Iterative pruning with rewinding: train, remove a share, rewind the rest, again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Unpack

from torch import nn

from zeroskip.contracts.errors import InputError
from zeroskip.prune.masks.apply import apply, complete
from zeroskip.prune.masks.nesting import nested
from zeroskip.prune.masks.selection import MaskFunction, Selection, Sparsity, exact_sparsity
from zeroskip.prune.masks.weights import Masks, prunable
from zeroskip.prune.model.batches import Batch
from zeroskip.prune.model.digest import digest
from zeroskip.prune.model.state import State, snapshot

from .fixed_masks import Masked
from .loop import Epoch, Options, number_of, train
from .tickets import Ticket, read_all, write


def lottery(
    model: nn.Module,
    mask_function: MaskFunction,
    share: Sparsity,
    batches: Iterable[Batch],
    folder: str | os.PathLike[str],
    *,
    epochs: int,
    rounds: int,
    rewind: int = 0,
    progress: Callable[[str], None] | None = None,
    seed: int = 0,
    **options: Unpack[Options],
) -> list[Ticket]:
    """Find sparse networks that train from their own beginnings.

    Each of ``rounds`` rounds trains, prunes ``share`` of the weights that are left, and rewinds everything trained to its values at
    optimizer step ``rewind``. Step 0 has the initial values (Frankle & Carbin, *The Lottery Ticket Hypothesis*, ICLR 2019); a later step
    follows Frankle et al., *Linear Mode Connectivity and the Lottery Ticket Hypothesis*, ICML 2020.

    model : as it is initialised; left as the last ticket, not yet trained, in evaluation mode
    mask_function : as for :func:`zeroskip.prune.gradual`; here too a weight once removed stays removed
    share : share of the weights left that each round removes, 0 … 1, or one per layer; after r rounds 1 - (1 - share)^r is asked for
    batches : as for :func:`zeroskip.prune.fine_tune`, the same in each round
    folder : gets ``ticket-01.safetensors`` (``mask.NAME``, ``state.NAME``) and ``ticket-01.json`` (figures) when round 1 is done, and so
        on. It is made if its parent exists. A call with the same arguments and initial values, for as many rounds or more, goes on after
        the last ticket there. It comes to the same end as without the interruption, if the batches are the same in every reading or
        follow torch's random state
    epochs : as for :func:`zeroskip.prune.fine_tune`, the same in each round
    rounds : 1 or more
    rewind : optimizer step. From a later step than 0 the training of a round starts there too: with that step's learning rate, after the
        batches before it. The optimizer starts anew
    progress : called with a line for each epoch and ticket
    seed : as for :func:`zeroskip.prune.fine_tune`, the same in each round
    options : as for :func:`zeroskip.prune.fine_tune`, the same in each round

    Returns the tickets of all rounds. ``ticket.restore(model)`` and ``fine_tune(model, ticket.masks, …)`` train one.

    Raises InputError as ``mask_function`` and :func:`fine_tune` do, and for rounds below 1, a step that the training does not reach, and
    tickets in ``folder`` that are unreadable, do not fit or come from another run: other epochs, share, rewind, seed or initial values.
    """
    Selection.of(model, share)  # refuses before the training
    for value, what, least in ((rounds, "rounds", 1), (rewind, "rewind", 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InputError(f"{what} must be an integer of {least} or more, not {value!r}")
    if rewind and rewind >= (steps := epochs * number_of(batches)):
        raise InputError(f"rewind must be less than the {steps} steps of the training, not {rewind}")
    run = {
        "epochs": epochs, "rewind": rewind, "seed": seed, "initial values": digest(snapshot(model).items()),
        "share": {name: str(part) for name, part in share.items()} if isinstance(share, Mapping) else str(share),
    }  # fmt: skip
    tickets = read_all(_made(Path(folder)), model, run, rounds)
    for number in range(len(tickets) + 1, rounds + 1):
        ticket = _round(
            model, mask_function, _removed_after(share, number), batches, tickets[-1] if tickets else None,
            number=number, epochs=epochs, rewind=rewind, seed=seed,
            progress=_told(progress, f"round {number} of {rounds}", epochs), options=options,
        )  # fmt: skip
        write(ticket, Path(folder), run)
        tickets.append(ticket)
        if progress is not None:
            progress(f"round {number} of {rounds}: {ticket.kept} of {ticket.total} weights kept")
    tickets[-1].restore(model)
    model.eval()
    return tickets


def _round(
    model: nn.Module,
    mask_function: MaskFunction,
    sparsity: Sparsity,
    batches: Iterable[Batch],
    before: Ticket | None,
    *,
    number: int,
    epochs: int,
    rewind: int,
    seed: int,
    progress: Callable[[Epoch], None] | None,
    options: Options,
) -> Ticket:
    """Train ``before``, or ``model`` as it is, and prune it."""
    if before is None:
        regime = _Remembering(model, complete(model, {}), rewind)
    else:
        before.restore(model)
        regime = _Remembering(model, before.masks, None)
    history = train(
        model, regime, batches, epochs=epochs, seed=seed, progress=progress, first=rewind if before else 0, **options
    )
    wanted = complete(model, mask_function(model, sparsity))
    magnitudes = {name: weight.effective.abs() for name, weight in prunable(model).items()}
    masks = nested(wanted, regime.masks, magnitudes)
    model.load_state_dict(before.state if before else regime.state)
    apply(model, masks)
    return Ticket(
        round=number, masks={name: mask.cpu() for name, mask in masks.items()}, state=snapshot(model),
        losses=tuple(epoch.loss for epoch in history),
    )  # fmt: skip


class _Remembering(Masked):
    """Keeps the state before one step."""

    def __init__(self, model: nn.Module, masks: Masks, remember: int | None) -> None:
        super().__init__(model, masks)
        self.remember = remember
        self.state: State = snapshot(model)

    def before_step(self, step: int) -> None:
        if step == self.remember:
            self.state = snapshot(self.model)


def _removed_after(share: Sparsity, rounds: int) -> Sparsity:
    def removed(part: float) -> float:
        return float(1 - (1 - exact_sparsity(part)) ** rounds)

    return {name: removed(part) for name, part in share.items()} if isinstance(share, Mapping) else removed(share)


def _told(progress: Callable[[str], None] | None, where: str, epochs: int) -> Callable[[Epoch], None] | None:
    if progress is None:
        return None
    return lambda epoch: progress(f"{where}: epoch {epoch.epoch} of {epochs}, loss {epoch.loss:.4f}")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {str(folder)!r} for tickets cannot be made: {error.strerror}") from None
    return folder
