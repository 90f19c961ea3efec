"""Fuzzing of the decoders by coverage: `make fuzz`."""
