"""Loading at a dock: which unit is on which truck, from what portals heard while trucks stood at their doors. Pure."""
