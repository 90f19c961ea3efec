"""Shelves: what lies in a slot, by its weighings and counts."""
