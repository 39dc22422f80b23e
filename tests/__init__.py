"""Tests: unit, flows (fake Asterisk, virtual time), asterisk (the real one)."""
