"""Orders from suppliers."""
