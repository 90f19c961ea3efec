"""Handling units (GS1: logistic units): their codes, what is done with them, and where that has brought goods."""
