"""Recordings held against the journal: what ``siaga recordings verify`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from ari_app.domain.calls import CallRow
from ari_app.domain.moments import milliseconds
from ari_app.domain.tapes import DELETED
from ari_app.store.queries import find_call
from ari_app.store.recordings import Recordings, finished
from ari_app.store.tapes import calls_by_id, recorded_calls, tape_events
from cli.errors import Refused
from cli.language import tr
from cli.output import plain

if TYPE_CHECKING:
    from sqlalchemy import Engine


_Item = TypeVar("_Item")

AT_ONCE: Final = 500
"""Recordings in one command to the application."""


@dataclass
class Checked:
    """What a verification has found: ``problems`` are calls, each with what is wrong.

    That is ``missing``, ``unreadable``, ``changed``, ``unfinished`` (Asterisk did not close it), or ``unknown``: the
    journal has no hash of it.
    """

    verified: int = 0
    deleted: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def check(
    engine: Engine, tapes: Recordings, call: str | None, *, since_ms: int | None, until_ms: int | None
) -> Checked:
    """Compare one call's recording, or those of all calls of a time, and the files of calls without a hash.

    Raises:
        Refused: there is no such call, or it lives.
        DatabaseError: the tables cannot be read.
    """
    found = Checked()
    if call is not None:
        row = find_call(engine, call)
        if row is None:
            raise Refused(tr("there is no call {call}: see `siaga calls list`", call=plain(call)))
        if row.state != "ended":
            raise Refused(tr("call {call} lives: its recording goes on", call=plain(call)))
        _check(engine, tapes, [row], found)
        return found
    rows = recorded_calls(engine, since_ms=since_ms, until_ms=until_ms)
    for some in parts(rows):
        _check(engine, tapes, some, found)
    for names in parts(tapes.names()):
        calls = calls_by_id(engine, names).values()
        _check(engine, tapes, [row for row in calls if _is_left(row, since_ms, until_ms)], found)
    return found


def _is_left(row: CallRow, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether a call has a file of which the journal knows nothing."""
    at = milliseconds(row.received_at)
    is_meant = (since_ms is None or at >= since_ms) and (until_ms is None or at < until_ms)
    return is_meant and row.state == "ended" and row.recording_sha256 is None


def _check(engine: Engine, tapes: Recordings, rows: Sequence[CallRow], found: Checked) -> None:
    gone = gone_of(engine, [row.id for row in rows])
    for row in rows:
        if row.id in gone:
            found.deleted += 1
        elif (problem := _problem(tapes, row)) is not None:
            found.problems.append((row.id, problem))
        else:
            found.verified += 1


def _problem(tapes: Recordings, row: CallRow) -> str | None:
    file = tapes.path(row.id)
    if file is None or not file.is_file():
        return "missing"
    try:
        now = finished(file)
    except OSError:
        return "unreadable"
    if now is None:
        return "unfinished" if row.recording_sha256 is None else "changed"
    if row.recording_sha256 is None:
        return "unknown"
    return None if now.sha256 == row.recording_sha256 else "changed"


def gone_of(engine: Engine, names: Sequence[str]) -> set[str]:
    """Those of these recordings which the journal has as deleted.

    Raises:
        DatabaseError: the tables cannot be read.
    """
    events = tape_events(engine, names)
    return {name for name, some in events.items() if any(each.action == DELETED for each in some)}


def parts(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """So many at once as one command to the application may have."""
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some
