"""Goods for orders: given, and given anew when they are gone or no more good."""
