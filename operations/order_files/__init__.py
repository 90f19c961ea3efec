"""Orders of files."""
