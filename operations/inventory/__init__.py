"""One's own inventory, as a file brings it."""
