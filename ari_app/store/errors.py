"""What can go wrong with what is kept on disk.

::

    StoreError
    ├── JournalError     the journal cannot be opened, read or trusted
    └── DatabaseError    the tables cannot be opened
        └── DatabaseNewer    they belong to a newer program

The text of each is one sentence for a person at a terminal.
"""

from __future__ import annotations


class StoreError(Exception):
    """Something that is kept on disk cannot be used; the text says what and where."""


class JournalError(StoreError):
    """The journal cannot be opened, read or trusted."""


class DatabaseError(StoreError):
    """The tables cannot be opened."""


class DatabaseNewer(DatabaseError):
    """The tables' schema is newer than this program."""
