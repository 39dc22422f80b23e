"""The journal's lines on radio nets (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.domain.transmissions import ACTIONS, KEYED
from ari_app.store.reader import LOOK_BACK, JournalReader, latest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ari_app.domain.facts import Record


_SAID_IN: Final = """
SELECT json_extract(data, '$.transmission') FROM journal WHERE call = ?1 AND action = ?2
"""


def said_in(path: Path, calls: Iterable[str]) -> dict[str, str]:
    """The transmissions that belong to these calls, each with its call.

    Raises:
        JournalError: the journal cannot be read.
    """
    with JournalReader(path) as reader:
        return {str(said): call for call in calls for (said,) in reader.select(_SAID_IN, (call, KEYED))}


def radio_records(path: Path, *, look_back: int = LOOK_BACK) -> list[Record]:
    """The latest of them, oldest first; none where there is no journal yet.

    Raises:
        JournalError: the journal cannot be read.
    """
    return latest(path, ACTIONS, look_back=look_back)
