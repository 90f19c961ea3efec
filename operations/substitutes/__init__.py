"""Substitutes: units of an order that another product is sent for."""
