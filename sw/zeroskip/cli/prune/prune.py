"""``zeroskip prune``: masks by a sparsity, masks by a budget, or methods of pruning side by side."""

from __future__ import annotations

from .budget import reach_budget
from .compare import compare_methods
from .options import PruneOptions
from .sparsity import reach_sparsity


def prune(options: PruneOptions) -> None:
    """Choose which weights to keep. Save the masks for zeroskip build --masks.

    Example: zeroskip prune net.py:trained --sparsity 0.8 --layer head=0.5 --out masks.safetensors
    Example: zeroskip prune net.py:trained --budget cycles=40% --inputs x.npy --labels y.npy --lanes 8 --out masks.safetensors
    Example: zeroskip prune net.py:trained --compare magnitude,taylor --sparsity 0.5,0.7,0.9 --inputs x.npy --labels y.npy
    --test-inputs tx.npy --test-labels ty.npy --lanes 8 --out build/compare
    """
    if options.compare is not None:
        compare_methods(options)
    elif options.budget is not None:
        reach_budget(options)
    else:
        reach_sparsity(options)
