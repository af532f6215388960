"""Questions about many designs: their costs, the search to a budget, the fit to a part, and comparisons."""
