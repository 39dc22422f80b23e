"""Who the operators are, where they sit, and where wrong PINs were dialled, as the journal tells."""

from __future__ import annotations

from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from ari_app.domain.facts import Record
from ari_app.domain.guesses import GUESSES, Guesses, fold_guesses
from ari_app.domain.operators import PEOPLE, SEATS, RosterState, fold
from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOOK_BACK: Final = 50_000
"""Lines on who sits where that are looked at, from the journal's end: weeks of a hundred busy desks, years of three.
An operator who was logged in before that, and never since was ready or not ready, has to log in again."""

TRIES: Final = 5_000
"""Lines of each kind on logging in that are looked at: days of a hundred busy desks, an hour of who tries a PIN a
second. Wrong PINs from before that are forgiven."""

_LINES: Final = "SELECT seq, at, actor, action, data FROM journal WHERE call IS NULL AND action IN"
_OF_PEOPLE, _OF_SEATS = (f"({', '.join('?' * len(actions))})" for actions in (PEOPLE, SEATS))

PEOPLE_QUERY: Final = f"{_LINES} {_OF_PEOPLE}"

_BEGIN: Final = (
    f"SELECT seq FROM journal WHERE call IS NULL AND action IN {_OF_SEATS} "  # noqa: S608 - only our own words
    "ORDER BY seq DESC LIMIT 1 OFFSET ?"
)
SEATS_QUERY: Final = f"{_LINES} {_OF_SEATS} AND seq > coalesce(({_BEGIN}), 0)"

GUESSES_QUERY: Final = f"{_LINES} (?) ORDER BY seq DESC LIMIT ?"
"""All are served by the index ``journal_without_call``, which calls' lines are not in; without it they are slower."""


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
    with JournalReader(path, with_reserve=True) as reader:
        rows = reader.select(SEATS_QUERY, (*SEATS, *SEATS, LOOK_BACK))
        rows += reader.select(PEOPLE_QUERY, PEOPLE)
    for record in _in_order(rows):
        state = fold(state, record)
    return state


def guesses(path: Path) -> dict[str, Guesses]:
    """The wrong PINs at each desk, and since when it is locked, after the journal's last line.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    found: dict[str, Guesses] = {}
    if not path.exists():
        return found
    with JournalReader(path, with_reserve=True) as reader:
        kinds = [reader.select(GUESSES_QUERY, (action, TRIES)) for action in GUESSES]
    begin = max((rows[-1][0] for rows in kinds if len(rows) == TRIES), default=0)  # from here on all are there
    for record in _in_order(row for rows in kinds for row in rows if row[0] >= begin):
        found = fold_guesses(found, record)
    return found


def _in_order(rows: Iterable[tuple[int, str, str, str, str]]) -> Iterator[Record]:
    for seq, at, actor, action, data in sorted(rows, key=itemgetter(0)):
        with suppress(msgspec.DecodeError, TypeError):
            content = msgspec.json.decode(data, type=dict)
            yield Record(seq, at, actor, action, None, content, "")
