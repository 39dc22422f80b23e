"""Tests against a real Asterisk with real SIP and RTP."""
