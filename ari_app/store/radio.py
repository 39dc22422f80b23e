"""The journal's lines on radio nets (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_app.domain.transmissions import ACTIONS
from ari_app.store.reader import LOOK_BACK, latest

if TYPE_CHECKING:
    from pathlib import Path

    from ari_app.domain.facts import Record


def radio_records(path: Path, *, look_back: int = LOOK_BACK) -> list[Record]:
    """The latest of them, oldest first; none where there is no journal yet.

    Raises:
        JournalError: the journal cannot be read.
    """
    return latest(path, ACTIONS, look_back=look_back)
