"""Wire formats: bytes of a device to columns, one file per format."""
