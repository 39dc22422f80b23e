"""The launcher: prepares a state directory, starts Asterisk, the broker and the application, and watches over them."""

from __future__ import annotations


class StackError(Exception):
    """Why the software cannot be started, in one sentence for the person at the terminal."""
