"""Proofs of delivery: what drivers tell of stops, and what people correct."""
