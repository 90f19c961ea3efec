"""HTTP itself: who asks and how often he may, what goes wrong, pages of lists, the description of it all."""
