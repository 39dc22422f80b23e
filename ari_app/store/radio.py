"""The journal's lines on radio nets (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.domain.transmissions import ACTIONS
from ari_app.store.reader import JournalReader, read

if TYPE_CHECKING:
    from pathlib import Path

    from ari_app.domain.facts import Record

LOOK_BACK: Final = 200_000
"""Lines from the journal's end that are looked at: hours of the busiest day."""


def radio_records(path: Path, *, look_back: int = LOOK_BACK) -> list[Record]:
    """The latest of them, oldest first; none where there is no journal yet.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not path.exists():
        return []
    with JournalReader(path) as reader:
        after = max(0, reader.head().seq - look_back)
    return list(read(path, after=after, actions=ACTIONS))
