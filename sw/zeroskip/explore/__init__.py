"""Questions asked of many designs: what each costs, which meets a budget, which fits a part, how they compare."""
