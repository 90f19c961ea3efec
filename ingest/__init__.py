"""MQTT messages become validated columns in the log; only what is durable is acknowledged."""
