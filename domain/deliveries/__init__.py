"""What came of goods at a stop."""
