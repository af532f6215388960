"""``zeroskip prune``: one file for each way of choosing masks, and what they share."""
