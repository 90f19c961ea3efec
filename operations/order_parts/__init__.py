"""Parts of orders that go another way: to an order of their own."""
