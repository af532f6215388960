"""How a budget is shared out among the layers, by the loss of each pruned alone."""
