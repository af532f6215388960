"""The activations: how they are stored, and how samples come in and go out."""
