"""How weights are chosen: a score for each, or masks by reconstruction; every criterion by its name."""
