"""Goods put away and pick faces filled: carried into a bin that takes them."""
