"""Tags and shelves: presence, stock levels and moves."""
