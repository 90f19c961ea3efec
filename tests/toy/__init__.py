"""A family made as docs/add-a-family.md says: readings per device and hour. One folder, one line in a list."""
