"""Who the operators are and where they sit, as the journal tells: for who starts, and for listings."""

from __future__ import annotations

from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from ari_app.domain.facts import Record
from ari_app.domain.operators import PEOPLE, SEATS, RosterState, fold
from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from pathlib import Path

LOOK_BACK: Final = 50_000
"""Lines on who sits where that are looked at, from the journal's end: weeks of a hundred busy desks, years of three.
An operator who was logged in before that, and never since was ready or not ready, has to log in again."""

_LINES: Final = "SELECT seq, at, actor, action, data FROM journal WHERE call IS NULL AND action IN"
_OF_PEOPLE, _OF_SEATS = (f"({', '.join('?' * len(actions))})" for actions in (PEOPLE, SEATS))

PEOPLE_QUERY: Final = f"{_LINES} {_OF_PEOPLE}"

_BEGIN: Final = (
    f"SELECT seq FROM journal WHERE call IS NULL AND action IN {_OF_SEATS} "  # noqa: S608 - only our own words
    "ORDER BY seq DESC LIMIT 1 OFFSET ?"
)
SEATS_QUERY: Final = f"{_LINES} {_OF_SEATS} AND seq > coalesce(({_BEGIN}), 0)"
"""Both are served by the index ``journal_without_call``, which calls' lines are not in; without it they are slower."""


def staff(path: Path) -> RosterState:
    """The roster after the journal's last line.

    A damaged line is passed over, because nobody could log in and no call be led before it is mended; the journal's
    verification is who reports it.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    state = RosterState()
    if not path.exists():
        return state
    with JournalReader(path) as reader:
        rows = reader.select(SEATS_QUERY, (*SEATS, *SEATS, LOOK_BACK))
        rows += reader.select(PEOPLE_QUERY, PEOPLE)
    rows.sort(key=itemgetter(0))
    for seq, at, actor, action, data in rows:
        with suppress(msgspec.DecodeError, TypeError):
            content = msgspec.json.decode(data, type=dict)
            state = fold(state, Record(seq, at, actor, action, None, content, ""))
    return state
