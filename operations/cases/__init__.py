"""The case of an alert: what was reported of it, and what people did about it."""
