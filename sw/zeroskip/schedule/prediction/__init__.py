"""How many cycles a plan takes, exactly."""
