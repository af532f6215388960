"""Where each kept weight is worked on and when: lowering, the nonzero split, memory placement and the exact cycle prediction."""

from .cycles import predict
from .lower import LoweredLayer, lower
from .plan import LayerPlan, Schedule, schedule
from .split import LaneRun, split

__all__ = ["LaneRun", "LayerPlan", "LoweredLayer", "Schedule", "lower", "predict", "schedule", "split"]
