"""MQTT: what others are told, and the commands that they give. A lost broker never disturbs a call."""
