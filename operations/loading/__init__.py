"""Loads are checked as trucks stand at doors: what is on board, what does not belong, what is left behind."""
