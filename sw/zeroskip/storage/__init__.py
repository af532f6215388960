"""What lies on disk: design folders, memory images, and the way in which files are written whole or not at all. Torch-free."""
