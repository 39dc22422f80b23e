"""The journal's lines on radio nets (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.domain.announcement import ANNOUNCED
from ari_app.domain.transmissions import ACTIONS, PATCHED, UNPATCHED
from ari_app.store.reader import LOOK_BACK, JournalReader, latest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ari_app.domain.facts import Record


_SAID_BY_US: Final = """
SELECT json_extract(data, '$.transmission') FROM journal WHERE call = ?1 AND action = 'radio.keyed'
"""

_OTHERS: Final = """
SELECT json_extract(data, '$.transmission') FROM journal WHERE call IS NULL AND action = 'radio.keyed'
AND json_extract(data, '$.net') = ?1
"""

_MEANWHILE: Final = f"{_OTHERS} AND seq BETWEEN ?2 AND ?3"
_LAST: Final = f"{_OTHERS} AND seq < ?2 AND json_extract(data, '$.by') = 'system' ORDER BY seq DESC LIMIT 1"
_WITHOUT_END: Final = (1 << 63) - 1


def said_in(path: Path, calls: Iterable[str]) -> dict[str, str]:
    """The transmissions that belong to these calls, each with its call.

    Those are what their operators said, whatever was said on a net while it was in the call, and its announcement.

    Raises:
        JournalError: the journal cannot be read.
    """
    found: dict[str, str] = {}
    with JournalReader(path, with_reserve=True) as reader:
        for call in calls:
            rows = reader.select(_SAID_BY_US, (call,))
            for record in reader.records(after=0, limit=LOOK_BACK, call=call, actions=[PATCHED, ANNOUNCED]):
                net = str(record.data.get("net"))
                if record.action == ANNOUNCED:
                    rows += reader.select(_LAST, (net, record.seq))
                elif record.action == PATCHED:
                    rows += reader.select(_MEANWHILE, (net, record.seq, _end(reader, record)))
            found |= {str(said): call for (said,) in rows}
    return found


def _end(reader: JournalReader, patched: Record) -> int:
    """The line with which a net's time in a call ended; behind all others when it has not."""
    ends = reader.records(after=patched.seq, limit=LOOK_BACK, call=patched.call, actions=[UNPATCHED])
    return next((each.seq for each in ends if each.data.get("net") == patched.data.get("net")), _WITHOUT_END)


def radio_records(path: Path, *, look_back: int = LOOK_BACK) -> list[Record]:
    """The latest of them, oldest first; none where there is no journal yet.

    Raises:
        JournalError: the journal cannot be read.
    """
    return latest(path, ACTIONS, look_back=look_back)
