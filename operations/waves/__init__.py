"""Waves: orders that are given goods and picked together."""
