"""The floor as it is now, folded from the journal's records: calls, desks, radio nets, who waits, today's figures.

A fold without I/O and without a clock: the same records in the same order give the same floor. It builds on the
folds of the tables (``calls``, ``desk_rows``), so a screen and a listing cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from ari_app.domain.calls import CallRow, fold_call, text
from ari_app.domain.desk_rows import READY, WRAPPING_UP, DeskRow, desk_state, fold_desks, is_wrapping_up
from ari_app.domain.desks import POLDA
from ari_app.domain.facts import Record
from ari_app.domain.operators import DeskPlace
from ari_app.domain.transmissions import NetRow, fold_net

QUICK_SECONDS: Final = 10.0
"""A call that is answered within so long counts as answered quickly."""

EMERGENCY, NORMAL, VERIFICATION = "emergency", "normal", "verification"

_BEFORE: Final = datetime.fromtimestamp(0, UTC)
_DAYS: Final = 2
_WAITS: Final = frozenset({"waiting", "ringing"})


@dataclass(frozen=True, slots=True)
class LivingCall:
    """A call that has not ended. Times are as in the journal.

    ``since`` is when its state began, ``waiting_since`` since when nobody has the caller (None: somebody has).
    ``priority`` is its place in the queue as it was told last, ``seq`` the number of its last record.
    """

    row: CallRow
    since: str
    seq: int
    waiting_since: str | None = None
    priority: str | None = None


@dataclass(frozen=True, slots=True)
class FloorDesk:
    """A configured desk. ``state`` is one of ``desk_rows.desk_state``, ``since`` when it began (None: not known)."""

    row: DeskRow
    place: DeskPlace
    state: str
    since: str | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True)
class FloorNet:
    """A configured radio net (SOP VII.d)."""

    row: NetRow
    name: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """The calls that were received on one day, by the site's own date."""

    received: int = 0
    answered: int = 0
    answered_quickly: int = 0
    abandoned: int = 0


class Floor:
    """Living calls and desks after the records that were folded so far."""

    def __init__(self, places: Mapping[str, DeskPlace], nets: Mapping[str, str] | None = None) -> None:
        """``places`` are the configured desks by extension, ``nets`` the names of the radio nets by number.

        Nothing has been told of any yet.
        """
        self.seq = 0
        self.hash = ""
        self.calls: dict[str, LivingCall] = {}
        self.desks = {name: _seen(DeskRow(name), place, None, _BEFORE) for name, place in places.items()}
        self.nets = {net: FloorNet(NetRow(net), name) for net, name in (nets or {}).items()}
        self.changed_nets: set[str] = set()
        self.changed_calls: set[str] = set()
        """Calls that changed or ended since somebody emptied this; the same for desks and nets."""
        self.changed_desks: set[str] = set()
        self._rows: dict[str, DeskRow] = {}
        self._days: dict[str, Tally] = {}

    def fold(self, record: Record) -> None:
        """Take one more record in. It never raises: a journal holds whatever was told."""
        self.seq, self.hash = record.seq, record.hash
        before = self.calls.get(record.call) if record.call is not None else None
        after = self._fold_call(before, record)
        rows = fold_desks(self._rows, record)
        self._rows |= rows
        touched = rows.keys() | {name for name, row in self._rows.items() if after and row.call == record.call}
        for name in touched & self.desks.keys():
            self._fold_desk(name, record)
        if record.action.startswith("radio."):
            self._fold_net(str(record.data.get("net")), record)
        if (before is None) != (after is None) or (after and before and after.row != before.row):
            self._count(before.row if before else None, record)

    def passed(self, seq: int, hash_: str) -> None:
        """The journal has been read up to this line; damaged ones before it could not be folded."""
        self.seq, self.hash = seq, hash_

    def pass_time(self, now: str) -> None:
        """It is ``now``: wrap-ups whose time is over have ended."""
        moment = _datetime(now)
        for name, desk in self.desks.items():
            if desk.state == WRAPPING_UP and not is_wrapping_up(desk.row, moment):
                self.desks[name] = replace(desk, state=READY, since=desk.row.wrapup_until)
                self.changed_desks.add(name)

    def tally(self, day: str) -> Tally:
        """The figures of the calls that were received on a day, ``2025-01-31``."""
        return self._days.get(day, Tally())

    def waiting(self) -> list[LivingCall]:
        """The calls whose callers nobody has, longest waiting first."""
        found = [call for call in self.calls.values() if call.waiting_since is not None]
        return sorted(found, key=lambda call: (_moment(call.waiting_since or ""), call.row.first_seq))

    def ready_desks(self) -> int:
        """How many of the Polda's desks are free and ready for the next call."""
        return sum(desk.state == READY and desk.place.unit == POLDA for desk in self.desks.values())

    def _fold_call(self, before: LivingCall | None, record: Record) -> LivingCall | None:
        """The call of this record after it; None: there is none, or it has ended."""
        if record.call is None or (before is None and record.action != "call.received"):
            return None  # a complaint is edited long after its call
        row = fold_call(before.row if before else None, record)
        self.changed_calls.add(record.call)
        if row is None or row.state == "ended":
            if row is not None and before is not None:
                self._ended(row)
            self.calls.pop(record.call, None)
            return None
        call = before or LivingCall(row, record.at, record.seq, record.at)
        since = record.at if call.row.state != row.state else call.since
        waiting = (call.waiting_since or record.at) if row.state in _WAITS else None
        priority = _priority(call.priority, record, waits=waiting is not None)
        self.calls[row.id] = LivingCall(row, since, record.seq, waiting, priority)
        return self.calls[row.id]

    def _fold_desk(self, name: str, record: Record) -> None:
        known, row = self.desks[name], self._rows[name]
        call = self.calls.get(row.call) if row.call is not None else None
        fresh = _seen(row, known.place, call.row if call else None, _datetime(record.at))
        is_other = (fresh.state, *_what(row)) != (known.state, *_what(known.row))
        self.desks[name] = replace(fresh, since=record.at if is_other else known.since, seq=record.seq)
        self.changed_desks.add(name)

    def _fold_net(self, name: str, record: Record) -> None:
        known = self.nets.get(name)
        row = fold_net(known.row, record) if known is not None else None
        if known is not None and row is not None and row != known.row:
            self.nets[name] = replace(known, row=row, seq=record.seq)
            self.changed_nets.add(name)

    def _count(self, before: CallRow | None, record: Record) -> None:
        """A call was received, or answered for the first time."""
        now = self.calls.get(record.call) if record.call is not None else None
        if now is None:
            return
        row = now.row
        day = self._days.get(row.received_at[:10], Tally())
        if before is None:
            day = replace(day, received=day.received + 1)
        if row.answered_at is not None and (before is None or before.answered_at is None):
            quick = _seconds(row.received_at, row.answered_at) <= QUICK_SECONDS
            day = replace(day, answered=day.answered + 1, answered_quickly=day.answered_quickly + quick)
        self._keep(row.received_at[:10], day)

    def _ended(self, row: CallRow) -> None:
        if row.outcome == "abandoned":
            day = self._days.get(row.received_at[:10], Tally())
            self._keep(row.received_at[:10], replace(day, abandoned=day.abandoned + 1))

    def _keep(self, date: str, day: Tally) -> None:
        self._days[date] = day
        for old in sorted(self._days)[:-_DAYS]:
            del self._days[old]


def _priority(before: str | None, record: Record, *, waits: bool) -> str | None:
    """A call's place in the queue after one more of its records."""
    if record.action == "call.queued":
        return text(record.data, "priority")
    if waits and record.action == "call.classified" and record.data.get("emergency") is True:
        return EMERGENCY
    is_let_out = before == VERIFICATION and record.action in {"call.emergency_claimed", "number.unblocked"}
    return NORMAL if is_let_out else before


def _seen(row: DeskRow, place: DeskPlace, call: CallRow | None, now: datetime) -> FloorDesk:
    return FloorDesk(row, place, desk_state(row, call, login=place.login, now=now))


def _what(row: DeskRow) -> tuple[str | None, ...]:
    """What is there, besides the state: another one of these is another time since when."""
    return row.call, row.reason, row.colleague if row.call is None else None


def _datetime(at: str) -> datetime:
    """A moment; long ago for a damaged one, which must not stop the folding."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return _BEFORE
    return moment if moment.tzinfo is not None else _BEFORE


def _seconds(begin: str, end: str) -> float:
    return _moment(end) - _moment(begin)


def _moment(at: str) -> float:
    """Seconds since 1970; 0 for a damaged time."""
    return _datetime(at).timestamp()
