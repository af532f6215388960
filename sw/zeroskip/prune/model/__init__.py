"""What is done with a model: batches shown to it, copies of it, its state on disk, and results known again by its fingerprint."""
