"""Which orders a shipment carries, and at which of its stops each leaves it."""
