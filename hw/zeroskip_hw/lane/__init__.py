"""One lane: mask words to nonzero weights, and weights to sums."""
