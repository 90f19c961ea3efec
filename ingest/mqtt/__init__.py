"""The way in by MQTT: the codec, the wire, what a receiver promises, and the two that keep it."""
