"""Recalls of lots: what is promised of one is let go, and who has some of it is told."""
