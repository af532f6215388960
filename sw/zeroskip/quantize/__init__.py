"""Float graph → integer network: scales from calibration data, integer weights and biases, exact requantization."""

from .accumulator import ACC_BITS_LIMIT, accumulator_bits, accumulator_bound
from .convert import dequantize, quantize_input
from .quantizer import quantize

__all__ = ["ACC_BITS_LIMIT", "accumulator_bits", "accumulator_bound", "dequantize", "quantize", "quantize_input"]
