"""Where goods came from and what became of them."""
