"""Appointments at docks: booked, moved, and what people say of them."""
