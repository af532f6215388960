"""``zeroskip prune``: a file for each way of choosing, and what they share."""
