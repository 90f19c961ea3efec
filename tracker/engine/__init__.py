"""What every family stands on; it knows no kind of fact."""
