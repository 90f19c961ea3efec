"""Doors of docks in time: how long vehicles stand there, which one comes when to which, what waiting costs."""
