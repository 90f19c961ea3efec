"""What fleets are asked about: a generated history, twelve questions, our layout beside wide rows with a time index."""
