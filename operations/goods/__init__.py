"""What is done with handling units, taken in and taken back."""
