"""Seeded devices with named faults, and the replay of recordings."""
