"""Puts what the software needs into ``.deps/``: Debian packages in a tree of their own, and a Python environment.

Uses the standard library only, as it runs before anything else is there.
"""

from __future__ import annotations


class InstallError(Exception):
    """What is missing or went wrong, in one sentence for the person at the terminal."""
