"""Positions: views, visits, trips, stops and gaps."""
