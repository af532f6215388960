"""Module → masks: which weights a network can do without, and training it to do without them.

Every criterion returns ``dict[str, torch.Tensor]``: the parameter's name (``fc1.weight``) to a bool tensor of its shape, True
where the weight is kept, one entry per prunable weight. Prunable are the weights of ``nn.Linear``, ``nn.Conv1d`` and ``nn.Conv2d``.
"""

from .allocation import ALLOCATIONS
from .batch_norm import reestimate
from .budget import Cost, allocate
from .control import random, random_scores
from .convert import from_torch, from_zeros, to_torch
from .criteria import CRITERIA, Criterion, criterion_named
from .files import from_file, save
from .fine_tune import fine_tune
from .fisher import fisher, fisher_scores
from .gradient import gradient, gradient_scores, snip, snip_scores, taylor, taylor_scores
from .gradual import MaskCriterion, gradual
from .grasp import grasp, grasp_scores
from .layerwise import layerwise
from .lottery import lottery
from .magnitude import magnitude, magnitude_scores
from .masks import SummaryRow, apply, check, summary
from .obs import obs, obs_scores
from .patterns import PATTERNS, Pattern
from .ranking import Ranking
from .rates import constant, cosine, warm_up
from .reconstruct import reconstruct
from .sensitivity import Sensitivity, loss_on, sensitivity
from .state import load_state, save_state
from .surgery import surgery
from .tickets import Ticket
from .training import Epoch
from .wanda import wanda, wanda_scores
from .weights import Masks, prunable

__all__ = [
    "ALLOCATIONS",
    "CRITERIA",
    "PATTERNS",
    "Cost",
    "Criterion",
    "Epoch",
    "MaskCriterion",
    "Masks",
    "Pattern",
    "Ranking",
    "Sensitivity",
    "SummaryRow",
    "Ticket",
    "allocate",
    "apply",
    "check",
    "constant",
    "cosine",
    "criterion_named",
    "fine_tune",
    "fisher",
    "fisher_scores",
    "from_file",
    "from_torch",
    "from_zeros",
    "gradient",
    "gradient_scores",
    "gradual",
    "grasp",
    "grasp_scores",
    "layerwise",
    "load_state",
    "loss_on",
    "lottery",
    "magnitude",
    "magnitude_scores",
    "obs",
    "obs_scores",
    "prunable",
    "random",
    "random_scores",
    "reconstruct",
    "reestimate",
    "save",
    "save_state",
    "sensitivity",
    "snip",
    "snip_scores",
    "summary",
    "surgery",
    "taylor",
    "taylor_scores",
    "to_torch",
    "wanda",
    "wanda_scores",
    "warm_up",
]
