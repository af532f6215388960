"""One module a tool: ``files(bundle)`` gives every file of its folder."""
