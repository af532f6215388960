"""Access to an array on a board, from Python."""
