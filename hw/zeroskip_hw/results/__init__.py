"""From the lanes' sums to activations: merged, requantized, written."""
