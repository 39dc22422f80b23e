"""What the journal's facts say about the desks: phone, people, and the call that is there.

A pure fold over all desks at once, since a call that goes to one desk leaves the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ari_app.domain.calls import CallRow, text
from ari_app.domain.facts import Json, Record

RINGING, TALKING, MONITORING = "ringing", "talking", "monitoring"
READY, WRAPPING_UP = "ready", "wrapup"

STARTED, WRAPUP, COLLEAGUES, FREE = "application.started", "desk.wrapup", "desk.talking", "desk.free"
"""The application has begun anew, and knows of no wrap-up; one began; two desks talk; that is over, or a wrap-up is."""

LONGEST_WRAPUP: Final = 86_400
"""Seconds. A journal holds whatever was told."""


@dataclass(frozen=True, slots=True)
class DeskRow:
    """A desk: whether its phone is registered and since when, its people, and the call that is there.

    ``activity`` is ringing, talking or, for a supervisor, monitoring while there is a ``call``. ``operator`` is the NRP
    of who is logged in; ``ready`` and why not (``reason``) are theirs. Whether a desk needs an operator is the
    configuration's business.
    ``colleague`` is the desk that it talks to without a caller. ``wrapup_until``: until then its operator finishes the
    work on the last call. ``busy_since`` is when the one or the other began.
    """

    extension: str
    registered: bool = False
    since: str | None = None
    call: str | None = None
    activity: str | None = None
    operator: str | None = None
    ready: bool = True
    reason: str | None = None
    colleague: str | None = None
    busy_since: str | None = None
    wrapup_until: str | None = None


def desk_state(row: DeskRow, call: CallRow | None, *, login: bool, now: datetime) -> str:
    """What a desk is doing, or why it is not, at the moment ``now``.

    It is ``unregistered``, ``no_operator``, ``not_ready``, ``wrapup``, ``ready``, or with a call ``ringing``,
    ``talking``, ``held``, ``transferring``, ``consulting``; ``monitoring`` where a supervisor listens to one;
    ``talking`` also with another desk. ``call`` is the living call that is there; ``login`` is whether the desk needs
    an operator.
    """
    if call is not None:
        # Who has the caller does what the call does; anyone else rings, or talks to those who are there.
        is_theirs = call.desk == row.extension and row.activity != RINGING
        return call.state if is_theirs else row.activity or TALKING
    if row.colleague is not None:
        return TALKING
    if not row.registered:
        return "unregistered"
    if login and row.operator is None:
        return "no_operator"
    if not row.ready:
        return "not_ready"
    return WRAPPING_UP if is_wrapping_up(row, now) else READY


def is_wrapping_up(row: DeskRow, now: datetime) -> bool:
    """Whether the time for the work on the last call is not over yet."""
    until = _moment(row.wrapup_until)
    return until is not None and now < until


def _moment(at: str | None) -> datetime | None:
    try:
        then = None if at is None else datetime.fromisoformat(at)
    except ValueError:
        return None
    return then if then is not None and then.tzinfo is not None else None


def fold_desks(desks: Mapping[str, DeskRow], record: Record) -> dict[str, DeskRow]:
    """The rows that one more record changes, as they are after it; ``desks`` are all rows, by extension."""
    after: dict[str, DeskRow] = {}
    change = _CALLS.get(record.action) if record.call is not None else None
    if change is not None:
        found: Iterable[DeskRow] = change(_Floor(desks, record.call or "", record.data))
    else:
        found = _seat(desks, record)
    for row in found:
        if row != desks.get(row.extension):
            after[row.extension] = row
    return after


# ---- phones and people -----------------------------------------------------------------------------


def _seat(desks: Mapping[str, DeskRow], record: Record) -> Iterator[DeskRow]:
    """A phone comes or goes; an operator logs in or out, is ready or not (``operators.fold`` has the same rules)."""
    nrp, desk = text(record.data, "operator"), text(record.data, "desk")
    if record.action in {"operator.logged_in", "operator.removed"} and nrp is not None:
        yield from (_empty(row) for row in desks.values() if row.operator == nrp and row.extension != desk)
    if record.action == STARTED:
        yield from map(_idle, desks.values())
    if record.action in {COLLEAGUES, FREE}:
        yield from _colleagues(desks, record)
    elif desk is not None:
        row = desks.get(desk) or DeskRow(desk)
        change = _SEATS.get(record.action)
        if change is not None:
            yield change(row, record)


def _empty(row: DeskRow) -> DeskRow:
    return replace(row, operator=None, ready=True, reason=None)


def _idle(row: DeskRow) -> DeskRow:
    return replace(row, colleague=None, busy_since=None, wrapup_until=None)


def _colleagues(desks: Mapping[str, DeskRow], record: Record) -> Iterator[DeskRow]:
    """Two desks talk to each other, or do so no more; ``to`` left out: a wrap-up is over before its time."""
    pair = text(record.data, "desk"), text(record.data, "to")
    for mine, theirs in (pair, pair[::-1]):
        row = desks.get(mine) or DeskRow(mine) if mine is not None else None
        if row is None:
            continue
        if record.action == COLLEAGUES and theirs is not None:
            yield replace(_idle(row), colleague=theirs, busy_since=record.at)
        elif record.action == FREE and theirs == row.colleague:
            yield _idle(row)


def _wrapping_up(row: DeskRow, record: Record) -> DeskRow:
    seconds, began = record.data.get("seconds"), _moment(record.at)
    if began is None or isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return row
    until = began + timedelta(seconds=min(max(0, seconds), LONGEST_WRAPUP))
    return replace(_idle(row), busy_since=record.at, wrapup_until=until.isoformat(timespec="milliseconds"))


def _registered(row: DeskRow, record: Record) -> DeskRow:
    """A phone that has just been switched on is rung at once (``desks.with_phone``)."""
    row = row if row.wrapup_until is None else _idle(row)
    return row if row.registered else replace(row, registered=True, since=record.at)


def _unregistered(row: DeskRow, record: Record) -> DeskRow:
    return replace(row, registered=False, since=record.at)


def _logged_in(row: DeskRow, record: Record) -> DeskRow:
    nrp = text(record.data, "operator")
    return replace(_empty(row), operator=nrp) if nrp is not None else row


def _logged_out(row: DeskRow, record: Record) -> DeskRow:
    nrp = text(record.data, "operator")
    return _empty(row) if nrp is not None and row.operator == nrp else row


def _ready(row: DeskRow, _: Record) -> DeskRow:
    return replace(row, ready=True, reason=None)


def _not_ready(row: DeskRow, record: Record) -> DeskRow:
    return replace(row, ready=False, reason=text(record.data, "reason"))


_SEATS: Final[Mapping[str, Callable[[DeskRow, Record], DeskRow]]] = {
    "desk.registered": _registered,
    "desk.unregistered": _unregistered,
    "operator.logged_in": _logged_in,
    "operator.logged_out": _logged_out,
    "operator.removed": _logged_out,
    "operator.ready": _ready,
    "operator.not_ready": _not_ready,
    WRAPUP: _wrapping_up,
}


# ---- calls -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Floor:
    """The desks in view of one action of a call."""

    desks: Mapping[str, DeskRow]
    call: str
    data: Mapping[str, Json]

    def at(self, key: str, activity: str) -> Iterator[DeskRow]:
        """The desk under this key has the call, and rings or talks."""
        extension = text(self.data, key)
        if extension is not None:
            yield self._with_call(extension, activity)

    def ring(self) -> Iterator[DeskRow]:
        """The desks of a Polres ring (SOP V.6); one that has the call already does not."""
        listed = self.data.get("desks")
        for extension in listed if isinstance(listed, list) else ():
            if isinstance(extension, str) and extension and not self._has(extension):
                yield self._with_call(extension, RINGING)

    def leave(self, key: str) -> Iterator[DeskRow]:
        """The desk under this key does not have the call any more."""
        extension = text(self.data, key)
        if extension is not None and self._has(extension):
            yield _off_call(self.desks[extension])

    def all_leave(self, but: str | None = None) -> Iterator[DeskRow]:
        """No desk has the call any more, except the one under the key ``but``."""
        spared = text(self.data, but) if but is not None else None
        yield from (_off_call(row) for row in self.desks.values() if row.call == self.call and row.extension != spared)

    def _with_call(self, extension: str, activity: str) -> DeskRow:
        return replace(self.desks.get(extension) or DeskRow(extension), call=self.call, activity=activity)

    def _has(self, extension: str) -> bool:
        row = self.desks.get(extension)
        return row is not None and row.call == self.call


def _off_call(row: DeskRow) -> DeskRow:
    return replace(row, call=None, activity=None)


def _lost(floor: _Floor, but: str | None = None) -> Iterator[DeskRow]:
    """Whoever rang or talked is free again, but not who listens, nor the desk under the key ``but``."""
    yield from (row for row in floor.all_leave(but) if floor.desks[row.extension].activity != MONITORING)


def _taken(floor: _Floor) -> Iterator[DeskRow]:
    """One desk has the caller; whoever else rang or talked is free again (SOP V.7), but not who listens."""
    yield from _lost(floor, but="desk")
    yield from floor.at("desk", TALKING)


def _adopted(floor: _Floor) -> Iterator[DeskRow]:
    state = floor.data.get("state")
    yield from floor.all_leave(but="desk")
    yield from floor.at("desk", RINGING if state == "ringing" else TALKING)


def _conferenced(floor: _Floor) -> Iterator[DeskRow]:
    yield from floor.at("desk", TALKING)
    yield from floor.at("to", TALKING)


_CALLS: Final[Mapping[str, Callable[[_Floor], Iterator[DeskRow]]]] = {
    "call.offered": lambda floor: floor.at("desk", RINGING),
    "call.not_answered": lambda floor: floor.leave("desk"),
    "call.answered": _taken,
    "call.adopted": _adopted,
    "call.consulted": lambda floor: floor.at("to", RINGING),
    "call.consult_answered": lambda floor: floor.at("to", TALKING),
    "call.consult_ended": lambda floor: floor.leave("to"),
    "call.conferenced": _conferenced,
    "call.resumed": lambda floor: floor.at("desk", TALKING),
    "call.referred": lambda floor: floor.leave("desk"),
    "call.transfer_started": _Floor.ring,
    "call.transfer_answered": _taken,
    "call.taken_back": _taken,
    "call.requeued": _lost,
    "call.closed": _Floor.all_leave,  # the caller hears the closing salutation alone
    "call.fallback": _Floor.all_leave,
    "call.ended": _Floor.all_leave,
    "monitor.offered": lambda floor: floor.at("desk", RINGING),
    "monitor.not_answered": lambda floor: floor.leave("desk"),
    "monitor.started": lambda floor: floor.at("desk", MONITORING),
    "monitor.ended": lambda floor: floor.leave("desk"),
}
"""What each action of a call means for the desks."""
