"""Orders: taken in, given goods, moved on from step to step until the customer has them."""
