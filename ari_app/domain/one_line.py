"""Text that somebody entered, as one line: it must fit a table, a terminal and the journal."""

from __future__ import annotations


def one_line(value: str | None, longest: int) -> str | None:
    """What was entered, with single blanks; empty: nothing was. None: it is too long, or cannot be shown."""
    line = " ".join((value or "").split())
    return line if len(line) <= longest and line.isprintable() else None
