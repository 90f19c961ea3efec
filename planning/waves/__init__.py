"""Rounds of carts: which orders of a wave are picked together."""
