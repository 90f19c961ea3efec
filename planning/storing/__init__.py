"""Where goods are put away, and what pick faces are filled with."""
