"""Presence of tags against simulated truth, beside a fixed window and SMURF."""
