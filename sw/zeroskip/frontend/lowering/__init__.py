"""Steps, whatever form the model came in, become the layers of a graph."""
