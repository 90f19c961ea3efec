"""The cold chain: what goods may be exposed to, and how much an exposure counts."""
