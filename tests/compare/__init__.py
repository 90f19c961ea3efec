"""`python -m tests.compare BEFORE AFTER`: two commits fed the same input must say the same, byte for byte."""
