"""Pruning real networks, in short: what benchmarks/pruning_*.py measures at length."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from tests.networks.catalog import CONVOLUTIONAL
from tests.networks.digits import mnist
from tests.networks.lenets import lenet_300_100
from tests.networks.network import RealNetwork
from tests.networks.training import cifar_training, halved

from zeroskip.prune import Masks, apply, cosine, fine_tune, gradual, magnitude, obs

pytestmark = pytest.mark.slow


def accuracy(network: RealNetwork, samples: int) -> float:
    return network.accuracy(network.float_outputs(samples))


def pruned(network: RealNetwork, prune: Callable[[torch.nn.Module], Masks]) -> tuple[RealNetwork, Masks]:
    """A copy of the network, pruned."""
    model = copy.deepcopy(network.model)
    masks = prune(model)
    apply(model, masks)
    return RealNetwork(model, network.calibration, network.inputs, network.labels), masks


def test_resnet_20_loses_nothing_at_70_percent_without_training(
    require_data: Callable[[str], Path], data_dir: Path
) -> None:
    for needed in CONVOLUTIONAL["ResNet-20"].needs:
        require_data(needed)
    network = CONVOLUTIONAL["ResNet-20"].load(data_dir)
    images = cifar_training(data_dir, "ResNet-20").x[:192]
    assert accuracy(network, 500) > 90
    by_obs, masks = pruned(network, lambda model: obs(model, 0.7, [images]))
    assert all(int(mask.sum()) * 10 <= mask.numel() * 3 + 10 for mask in masks.values())
    assert accuracy(by_obs, 500) > 86
    assert accuracy(pruned(network, lambda model: magnitude(model, 0.7))[0], 500) < 70


def test_ds_cnn_is_tuned_on_half_of_the_keywords(require_data: Callable[[str], Path], data_dir: Path) -> None:
    for needed in CONVOLUTIONAL["DS-CNN"].needs:
        require_data(needed)
    training, network = halved(CONVOLUTIONAL["DS-CNN"].load(data_dir))
    by_obs, masks = pruned(network, lambda model: obs(model, 0.6, [training.x]))
    assert accuracy(by_obs, 500) > 80
    fine_tune(
        by_obs.model, masks, training, epochs=5, optimizer=lambda p: torch.optim.Adam(p, lr=1e-3), rate=cosine,
        teacher=network.model, temperature=2.0, distillation=1.0, frozen_norms=True, seed=1,
    )  # fmt: skip
    assert accuracy(by_obs, 500) > 84


def test_a_lenet_keeps_its_accuracy_with_a_twentieth_of_its_weights(
    require_data: Callable[[str], Path], data_dir: Path
) -> None:
    require_data("mnist")
    (images, labels), (test, answers) = (mnist(data_dir, name) for name in ("train", "t10k"))
    x, y = torch.from_numpy(images[:10_000] / 255).flatten(1), torch.from_numpy(labels[:10_000].astype("int64"))
    batches = list(zip(x.split(100), y.split(100), strict=True))
    torch.manual_seed(1)
    model = lenet_300_100()
    fine_tune(model, {}, batches, epochs=5, rate=cosine, seed=1)
    teacher = copy.deepcopy(model)
    criterion = partial(magnitude, allocation="global")
    masks = gradual(
        model, criterion, 0.95, batches, epochs=15, end=0.4, teacher=teacher, rate=cosine, seed=1,
        optimizer=lambda p: torch.optim.Adam(p, lr=2e-3),
    )  # fmt: skip
    total = sum(mask.numel() for mask in masks.values())
    assert sum(int((~mask).sum()) for mask in masks.values()) == total * 95 // 100
    before, after = (right(net, torch.from_numpy(test / 255), torch.tensor(answers)) for net in (teacher, model))
    assert before > 0.92
    assert after > before - 0.01
    apply(teacher, magnitude(teacher, 0.95, "global"))
    assert right(teacher, torch.from_numpy(test / 255), torch.tensor(answers)) < after - 0.1


def right(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Share of the samples."""
    with torch.no_grad():
        return float((model(x.flatten(1)).argmax(1) == y).float().mean())
