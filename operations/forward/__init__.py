"""Readings and facts go on to other places: files, HTTP, MQTT."""
