"""The measurements: how long a caller waits for an answer through the application, and through Asterisk alone."""
