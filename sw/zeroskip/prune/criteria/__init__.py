"""The choice of weights: by a score for each, or by reconstruction. Every criterion has a name."""
