"""What customers send back: announced, received on hold, decided by people."""
