"""What starts, tests and measures the software. The commands beside this file are thin: they call these packages."""
