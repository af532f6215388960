"""Lanes that own input channels: who stores a channel, who holds a weight, and in which order the rows are worked through."""
