"""Training under the mask: the kept weights learn to do without the removed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from zeroskip.prune.model.batches import Batch, Loss

from .fixed_masks import Masked
from .learning_rates import Rate
from .loop import Epoch, Optimizer, train


def fine_tune(
    model: nn.Module,
    masks: Mapping[str, torch.Tensor],
    batches: Iterable[Batch],
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    loss: Loss = cross_entropy,
    progress: Callable[[Epoch], None] | None = None,
    seed: int = 0,
    rate: Rate | None = None,
    teacher: nn.Module | None = None,
    temperature: float = 4.0,
    distillation: float = 0.5,
    frozen_norms: bool = False,
) -> list[Epoch]:
    """Train ``model`` in place. Every removed weight stays exactly +0.0, with any optimizer.

    The masks are applied at the start. Gradients are masked before each step, so that no momentum or second moment gathers on a removed
    weight. The masks are applied again after each step.

    masks : as :func:`magnitude` returns them; layers without a mask are trained unmasked, and so are biases and normalisation
    batches : (input, target) pairs, read anew each epoch: a list, a DataLoader, or an object whose ``__iter__`` augments
    epochs : 0 or more
    optimizer : function from the trainable parameters to a torch optimizer, ``lambda p: torch.optim.SGD(p, lr=0.1)``; by default Adam
        with a learning rate of 0.001. Optimizers that evaluate the loss several times per step (LBFGS) work too.
    loss : ``loss(output, target)``, one number, the mean over the batch
    progress : called after each epoch
    seed : seed of torch's random numbers, also in dropout and in a DataLoader's shuffling. The same seed gives the same weights on the
        same machine. Afterwards the caller's random state is as before.
    rate : factor on the learning rate by the share of all steps that is done, 0 … 1, set before each step: ``cosine`` and others of
        :mod:`zeroskip.prune.training.learning_rates`. There are ``epochs * len(batches)`` steps. Batches without ``len`` are counted:
        they are read through once before the training.
    teacher : a dense model, as ``copy.deepcopy(model)`` before pruning, that is distilled into ``model``. Training then minimises
        ``(1 - a) · loss + a · T² · KL(teacher ‖ model)`` with a = ``distillation`` and T = ``temperature`` (Hinton, Vinyals & Dean,
        *Distilling the Knowledge in a Neural Network*, 2015). The teacher runs in evaluation mode without gradients and is as before
        afterwards.
    temperature : temperature of the softmaxes, above 0
    distillation : share of the teacher, 0 … 1
    frozen_norms : BatchNorm layers keep their running statistics and normalise by them, as in evaluation. Their weights and biases are
        still trained. This is better where the training data are few, or have other statistics than those that trained the model

    Returns one :class:`Epoch` each. The model is trained in training mode. It is left in evaluation mode, as every later step wants it,
    with its gradients cleared.

    Raises InputError for masks that do not fit (:func:`check`), no batches, batches that can be read only once, a loss that is not one
    number or no longer finite, no trainable parameter, a rate below 0, and a teacher that does not fit. If training has begun, the removed
    weights are zero then too.
    """
    return train(
        model, Masked(model, masks), batches, epochs=epochs, optimizer=optimizer, loss=loss, progress=progress, seed=seed,
        rate=rate, teacher=teacher, temperature=temperature, distillation=distillation, frozen_norms=frozen_norms,
    )  # fmt: skip
