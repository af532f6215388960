"""Loading and capture: a torch module, or a file that yields one, becomes a :class:`zeroskip.contracts.graph.Graph`."""

from zeroskip.frontend.pytorch.capture import capture

from .load import load_model

__all__ = ["capture", "load_model"]
