"""Advice that is graded: what was promised, what came of it, and who is to be silent."""
