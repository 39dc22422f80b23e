"""Why a command is not carried out.

::

    Refused     the text says what and why, in one sentence: exit code 1
"""

from __future__ import annotations


class Refused(Exception):
    """The command cannot be carried out; the text is one sentence for the person at the terminal."""
