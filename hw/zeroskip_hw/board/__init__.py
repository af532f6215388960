"""What surrounds the array on a board: serial line, frames, bridge to its ports, reset and lamps."""
