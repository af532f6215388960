"""Networks without what needs no computing give what they gave before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from tests.sim.any_image_network import image_inputs, image_networks
from tests.sim.any_network import any_network
from tests.sim.image_builder import Builder
from tests.sim.image_cases import SAME_3
from tests.sim.image_model import tensors
from tests.sim.test_any_shape import ARRAYS

from zeroskip.contracts.graph import INPUT
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule import prepared
from zeroskip.schedule.fold import fold


def require_equal(network: QuantizedNetwork, seed: int) -> int:
    """The same outputs, and of every tensor that is left the same channels; returns the channels that are gone."""
    network = prepared(network)
    folded = fold(network)
    x = image_inputs(np.random.default_rng(seed), network, 3).reshape(3, *network.shapes[INPUT])
    before, after = tensors(network, x), tensors(folded.network, x)
    for tensor, channels in folded.channels.items():
        np.testing.assert_array_equal(after[tensor], before[tensor][:, channels])
    return sum(shape[0] for shape in network.shapes.values()) - sum(
        shape[0] for shape in folded.network.shapes.values()
    )


@pytest.mark.parametrize("seed", range(40))
def test_chains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = any_network(rng, ARRAYS["1x1"])
    require_equal(network, seed)


@settings(max_examples=60)
@given(image_networks(weight_bits=8))
def test_image_networks(network: QuantizedNetwork) -> None:
    require_equal(network, 1)


def sparse(kept: float, **options: object) -> tuple[Builder, str]:
    builder = Builder(np.random.default_rng(3))
    builder.input((3, 6, 5))
    return builder, builder.conv(INPUT, 20, SAME_3, kept=kept, **options)  # type: ignore[arg-type]


def test_constant_and_unread_rows_are_gone() -> None:
    builder, tensor = sparse(0.04)
    tensor = builder.conv(tensor, 12, kept=0.1)
    network = builder.network(builder.conv(tensor, 4, kept=0.2))
    assert require_equal(network, 5) > 15


@pytest.mark.parametrize("options", [{"slopes": True}, {"table": True}])
def test_constants_pass_slopes_and_tables(options: dict[str, bool]) -> None:
    builder, tensor = sparse(0.04, **options)
    assert require_equal(builder.network(builder.conv(tensor, 4)), 6) > 0


def test_a_constant_beside_padding_stays() -> None:
    """At the border the reader sees padding instead."""
    builder, tensor = sparse(0.04)
    assert require_equal(builder.network(builder.conv(tensor, 4, SAME_3, pattern="full")), 7) == 0


def test_one_row_remains() -> None:
    builder, tensor = sparse(0.0)
    network = builder.network(builder.conv(tensor, 4))
    assert fold(prepared(network)).network.shapes[tensor][0] == 1
    require_equal(network, 8)


def test_what_is_added_stays() -> None:
    builder, tensor = sparse(0.04)
    network = builder.network(builder.conv(builder.conv(tensor, 20), 20, residual=tensor))
    assert len(fold(prepared(network)).channels[tensor]) == 20
