"""What is ordered from suppliers."""
