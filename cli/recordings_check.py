"""Recordings held against the journal, and deleted: what ``siaga recordings verify`` and ``delete`` do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from ari_app.domain.calls import CallRow
from ari_app.domain.facts import Json
from ari_app.domain.moments import milliseconds
from ari_app.domain.tapes import DELETED
from ari_app.store.queries import find_call
from ari_app.store.recordings import Recordings, finished
from ari_app.store.tapes import calls_by_id, open_tickets, recorded_calls, tape_events
from cli.asking import order_each
from cli.errors import Refused
from cli.language import tr
from cli.output import plain
from cli.place import tables

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

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
    for some in _parts(rows):
        _check(engine, tapes, some, found)
    for names in _parts(tapes.names()):
        calls = calls_by_id(engine, names).values()
        _check(engine, tapes, [row for row in calls if _is_left(row, since_ms, until_ms)], found)
    return found


def _is_left(row: CallRow, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether a call has a file of which the journal knows nothing."""
    at = milliseconds(row.received_at)
    is_meant = (since_ms is None or at >= since_ms) and (until_ms is None or at < until_ms)
    return is_meant and row.state == "ended" and row.recording_sha256 is None


def _check(engine: Engine, tapes: Recordings, rows: Sequence[CallRow], found: Checked) -> None:
    gone = _deleted(engine, [row.id for row in rows])
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


def _deleted(engine: Engine, names: Sequence[str]) -> set[str]:
    events = tape_events(engine, names)
    return {name for name, some in events.items() if any(each.action == DELETED for each in some)}


# ---- deleting ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deleted:
    """Whose recordings were deleted, and whose are kept, each with the ticket of its open complaint."""

    deleted: list[str]
    kept: dict[str, str]


def delete_before(
    place: StateDir, settings: Settings, before_ms: int, *, may: Callable[[int, dict[str, str]], bool]
) -> Deleted:
    """Delete the recordings of calls received before a moment (ms since 1970).

    ``may`` is asked with how many would be deleted, and what is kept. Only files of the recordings' own folder are
    removed, and only those of calls that the journal knows and that have ended. A crash between the fact and the
    removal leaves a file of which the journal says that it is deleted: the next run removes it.

    Raises:
        Refused: it may not be, the journal does not take it, or a file cannot be removed.
        StoreError: journal or tables cannot be used.
    """
    engine = tables(place, settings)
    if engine is None:
        raise Refused(tr("there is no journal yet: nobody has called"))
    tapes = Recordings(place.recordings)
    begun, chosen, kept = _chosen(engine, tapes, before_ms)
    if not may(len(chosen), kept):
        raise Refused(tr("nothing was deleted"))
    _remove(tapes, begun)
    batches = list(_parts(chosen))

    def told(number: int, _: Json) -> None:
        _remove(tapes, batches[number])

    arguments: Iterator[dict[str, Json]] = ({"calls": list[Json](batch)} for batch in batches)
    if batches:
        order_each(place, settings, "recordings.delete", arguments, told)
    return Deleted(begun + chosen, kept)


def _chosen(engine: Engine, tapes: Recordings, before_ms: int) -> tuple[list[str], list[str], dict[str, str]]:
    """Whose file is there though it is deleted; whose is to be deleted; and what is kept, with its open complaint."""
    begun: list[str] = []
    chosen: list[str] = []
    kept: dict[str, str] = {}
    for names in _parts(tapes.names()):
        gone, tickets, calls = _deleted(engine, names), open_tickets(engine, names), calls_by_id(engine, names)
        for name in names:
            row = calls.get(name)
            if row is None or row.state != "ended":
                continue
            if name in gone:
                begun.append(name)
            elif milliseconds(row.received_at) < before_ms:
                if name in tickets:
                    kept[name] = tickets[name]
                else:
                    chosen.append(name)
    return begun, chosen, kept


def _remove(tapes: Recordings, names: Iterable[str]) -> None:
    for name in names:
        file = tapes.path(name)
        if file is None:
            continue
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise Refused(tr("{file} cannot be removed: {why}", file=plain(str(file)), why=why)) from None


def _parts(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, AT_ONCE)):
        yield some
