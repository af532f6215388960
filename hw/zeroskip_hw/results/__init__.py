"""From the lanes' sums to activations: collected, requantized, written."""
