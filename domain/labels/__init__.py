"""Labels: what stands on them, the codes that scanners read, and where on a sheet each one lies; pure."""
