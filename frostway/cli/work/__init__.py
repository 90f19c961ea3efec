"""What the commands do; loaded when one runs."""
