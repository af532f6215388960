"""A torch module, read through ``torch.export``: every operator becomes steps."""
