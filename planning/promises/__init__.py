"""When what is wanted can be given and be with the customer, and how likely that is in time."""
