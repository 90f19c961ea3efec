"""Calls at stops, deviations, and what the goods have seen."""
