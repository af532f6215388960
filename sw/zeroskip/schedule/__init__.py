"""Where and when each kept weight is worked on: who owns what, memory placement and the exact cycle prediction."""

from zeroskip.schedule.strips.prepare import prepared

from .network import Memory, Schedule, in_strips, schedule
from .prediction.cycles import predict

__all__ = ["Memory", "Schedule", "in_strips", "predict", "prepared", "schedule"]
