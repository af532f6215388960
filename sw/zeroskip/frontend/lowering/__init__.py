"""Steps become the layers of a graph, for every form of model."""
