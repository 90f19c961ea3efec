"""Thousands of people look at the live page at once: how late they learn, what it costs, and how they come back."""
