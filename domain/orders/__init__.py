"""Orders of customers: stages of their lines, which goods go to whom, what may be promised. Pure."""
