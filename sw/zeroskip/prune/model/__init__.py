"""Work with a model: batches, copies, its state on disk, and results that are found again by its fingerprint."""
