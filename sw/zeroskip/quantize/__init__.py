"""Float graph → integer network: scales from calibration data, integer weights and biases, exact requantization."""

from .convert import dequantize, quantize_input
from .quantizer import quantize

__all__ = ["dequantize", "quantize", "quantize_input"]
