"""Module → masks: which weights a network can do without, and training it to do without them.

Every criterion returns ``dict[str, torch.Tensor]``: the parameter's name (``fc1.weight``) to a bool tensor of its shape, True
where the weight is kept, one entry per prunable weight. Prunable are the weights of ``nn.Linear``, ``nn.Conv1d`` and ``nn.Conv2d``.
"""

from .convert import from_torch, from_zeros
from .criteria import CRITERIA, Criterion, criterion_named
from .files import from_file, save
from .fine_tune import Epoch, fine_tune
from .gradient import gradient, gradient_scores, snip, snip_scores, taylor, taylor_scores
from .layerwise import layerwise
from .magnitude import magnitude, magnitude_scores
from .masks import SummaryRow, apply, check, summary
from .weights import Masks, prunable

__all__ = [
    "CRITERIA",
    "Criterion",
    "Epoch",
    "Masks",
    "SummaryRow",
    "apply",
    "check",
    "criterion_named",
    "fine_tune",
    "from_file",
    "from_torch",
    "from_zeros",
    "gradient",
    "gradient_scores",
    "layerwise",
    "magnitude",
    "magnitude_scores",
    "prunable",
    "save",
    "snip",
    "snip_scores",
    "summary",
    "taylor",
    "taylor_scores",
]
