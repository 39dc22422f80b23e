"""The ``siaga`` command: what supervisors and administrators see and do at a terminal."""
