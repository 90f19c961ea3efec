"""Walking through a warehouse: how a list is walked, which orders are picked together."""
