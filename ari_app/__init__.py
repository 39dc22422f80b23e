"""The application: drives the calls of a police emergency call centre on Asterisk."""
