"""How pruned models are trained: under fixed masks, with growing or changing ones, from a ticket."""
