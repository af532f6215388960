"""Models of the cells of which synthesis tools have none that simulates: one file per family and kind of cell."""
