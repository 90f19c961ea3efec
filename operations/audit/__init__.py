"""The audit trail's chain."""
