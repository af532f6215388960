"""Memories, word fields, queues and fan-out, of which everything else is built."""
