"""Batch computations over the store."""
