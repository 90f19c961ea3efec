"""What receivers are told of a shipment, and told anew when it was otherwise."""
