"""A network on an array whose columns hold strips of one image: rows, addresses, taps and writes."""
