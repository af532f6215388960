"""A budget is shared out among the layers by their losses. Each loss is measured with that layer pruned alone."""
