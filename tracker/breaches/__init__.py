"""Excursions that alarm, told before they do."""
