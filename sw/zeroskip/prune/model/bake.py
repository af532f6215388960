"""Parametrized weights as plain parameters."""

from __future__ import annotations

import warnings

from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.weight_norm import WeightNorm

from .duplicate import duplicate


def bake(model: nn.Module) -> nn.Module:
    """A copy of ``model``, in evaluation mode, in which every parametrized tensor is the parameter that it computes now.

    Both kinds of weight_norm, spectral_norm, orthogonal and any other :mod:`torch.nn.utils.parametrize`. Tensors that a parametrization
    shares between modules are parameters of their own afterwards. The copy computes what ``model`` does.
    """
    copy = duplicate(model)
    for module in list(copy.modules()):
        if parametrize.is_parametrized(module):
            _plain(module)
        for hook in list(module._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FutureWarning)  # torch's own, on its older form
                    nn.utils.remove_weight_norm(module, hook.name)
    return copy


def _plain(module: nn.Module) -> None:
    """As torch's ``remove_parametrizations``, which also takes the tensors from the class, and so from the module that was copied."""
    assert isinstance(module.parametrizations, nn.ModuleDict)
    values = {name: getattr(module, name).detach().clone() for name in module.parametrizations}
    module.__class__ = type(module).__bases__[0]
    del module._modules["parametrizations"]
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))
