"""Masks: the weights that may go, their shapes and shares, and masks on disk and in torch's own form."""
