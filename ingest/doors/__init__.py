"""Doors: ways in that are no MQTT broker. A door speaks with devices and puts what they say into the inbox."""
