"""Where and when each kept weight is worked on: lowering, the nonzero split, memory placement and the exact cycle prediction."""

from zeroskip.contracts.config import ArrayConfig
from zeroskip.contracts.errors import CapacityError
from zeroskip.contracts.network import QuantizedNetwork
from zeroskip.schedule.strips.network import schedule_strips
from zeroskip.schedule.strips.prepare import prepared

from .cycles import predict
from .flat import schedule_flat
from .lower import LoweredLayer, lower
from .plan import Band, LayerPlan, Memory, Pass, Schedule
from .split import LaneRun, split

__all__ = [
    "Band",
    "LaneRun",
    "LayerPlan",
    "LoweredLayer",
    "Memory",
    "Pass",
    "Schedule",
    "in_strips",
    "lower",
    "predict",
    "prepared",
    "schedule",
    "split",
]


def in_strips(network: QuantizedNetwork, config: ArrayConfig) -> bool:
    """Whether the columns hold strips: as ``config`` says, or else as the network needs."""
    return not network.flat if config.strips is None else config.strips


def schedule(network: QuantizedNetwork, config: ArrayConfig, *, built: bool = True) -> Schedule:
    """Map ``network`` to the array. What ``config`` leaves open is sized to the network.

    built : False for an array that is only compared with, which may be larger than any that can be built

    A flat network goes to an array without strips, unless ``config`` asks for strips. Every other network needs strips.
    Raises CapacityError, naming the option and both figures, where a given capacity is too small.
    """
    if in_strips(network, config):
        return schedule_strips(network, config, built=built)
    if not network.flat:
        raise CapacityError(
            "ArrayConfig.strips must be true for this network, which is not a chain of fully connected layers"
        )
    return schedule_flat(network, config, built=built)
