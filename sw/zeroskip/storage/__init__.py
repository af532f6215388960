"""Files on disk: design folders, memory images, and atomic writes. Torch-free."""
