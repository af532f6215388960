"""Module → masks: the weights that a network can do without, and training to do without them.

Every criterion returns ``dict[str, torch.Tensor]`` with one entry per prunable weight. It maps the parameter's name (``fc1.weight``) to a
bool tensor of its shape, True where the weight is kept. Prunable are the weights of ``nn.Linear``, ``nn.Conv1d`` and ``nn.Conv2d``.
"""

from zeroskip.prune.budget.allocate import Cost, allocate
from zeroskip.prune.budget.sensitivity import Sensitivity, loss_on, sensitivity
from zeroskip.prune.criteria.fisher import fisher, fisher_scores
from zeroskip.prune.criteria.gradient import gradient, gradient_scores, snip, snip_scores, taylor, taylor_scores
from zeroskip.prune.criteria.grasp import grasp, grasp_scores
from zeroskip.prune.criteria.layerwise import layerwise
from zeroskip.prune.criteria.magnitude import magnitude, magnitude_scores
from zeroskip.prune.criteria.obs import obs, obs_scores
from zeroskip.prune.criteria.random import random, random_scores
from zeroskip.prune.criteria.ranking import Ranking
from zeroskip.prune.criteria.reconstruct import reconstruct
from zeroskip.prune.criteria.registry import CRITERIA, Criterion, criterion_named
from zeroskip.prune.criteria.wanda import wanda, wanda_scores
from zeroskip.prune.masks.allocation import ALLOCATIONS
from zeroskip.prune.masks.apply import SummaryRow, apply, check, summary
from zeroskip.prune.masks.files import from_file, save
from zeroskip.prune.masks.patterns import PATTERNS, Pattern
from zeroskip.prune.masks.selection import MaskFunction
from zeroskip.prune.masks.torch_masks import from_torch, from_zeros, to_torch
from zeroskip.prune.masks.weights import Masks, prunable
from zeroskip.prune.model.bake import bake
from zeroskip.prune.model.state import load_state, save_state
from zeroskip.prune.training.batch_norm import reestimate
from zeroskip.prune.training.fine_tune import fine_tune
from zeroskip.prune.training.gradual import gradual
from zeroskip.prune.training.learning_rates import constant, cosine, warm_up
from zeroskip.prune.training.loop import Epoch
from zeroskip.prune.training.lottery import lottery
from zeroskip.prune.training.surgery import surgery
from zeroskip.prune.training.tickets import Ticket

__all__ = [
    "ALLOCATIONS",
    "CRITERIA",
    "PATTERNS",
    "Cost",
    "Criterion",
    "Epoch",
    "MaskFunction",
    "Masks",
    "Pattern",
    "Ranking",
    "Sensitivity",
    "SummaryRow",
    "Ticket",
    "allocate",
    "apply",
    "bake",
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
