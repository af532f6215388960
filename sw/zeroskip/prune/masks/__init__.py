"""What a mask is: which weights may go, in which shapes and shares, and masks on disk and in torch's own form."""
