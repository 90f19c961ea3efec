"""What can be asked for and changed: one file a resource, with its routes, its shapes and the names of its queries."""
