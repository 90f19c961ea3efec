"""Probes: their views and excursions."""
