"""Training of pruned models: under fixed masks, with growing or changing masks, or from a ticket."""
