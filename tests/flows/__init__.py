"""The flows against a fake Asterisk, in virtual time."""
