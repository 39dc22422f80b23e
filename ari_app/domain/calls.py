"""What the journal's facts say about a call, as one row.

A pure fold: the same records in the same order give the same row. An action that is not known here leaves
the row as it is. What the same facts say about desks is in ``desk_rows``, about complaints in ``complaints``,
about numbers in ``number_rows``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ari_app.domain.facts import Json, Record

FOLD_VERSION: Final = 10
"""Goes up when one of the folds changes: the tables are then folded anew from the whole journal."""

STATES: Final = ("waiting", "ringing", "talking", "held", "transferring", "consulting", "ended")
LIVING: Final = STATES[:-1]
WITH_CALLER: Final = frozenset({"talking", "held", "transferring", "consulting"})
"""The states in which somebody has taken the call and works on it."""

KINDS: Final = ("valid", "not_valid", "prank")
OUTCOMES: Final = ("answered", "abandoned", "fallback", "turned_away", "lost")
"""How a call has ended; ``turned_away``: a blocked caller, as too many of them waited (SOP VIII)."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call, with the fields of the contract. Times are ISO 8601 with offset, as in the journal.

    ``state`` is one of ``STATES``, ``kind`` of ``KINDS`` (SOP V.4), ``outcome`` of ``OUTCOMES`` once
    it has ended. ``kind`` stays ``prank`` when the mark is taken back: it is what was said of
    the call while it lived. ``desk`` and ``operator`` are who has the caller now, ``polres`` the Polres that has or
    had the call, or for which it is (SOP V.6, V.10). ``ticket`` is its complaint's, the ``recording_...`` are of its
    finished recording. ``first_seq`` is the number of its first record, so calls can be put in order.

    ``answered_by`` is the operator who answered it first, ``answered_desk`` where. ``blocked_at``: the number was
    blocked then (SOP VIII). ``emergency_at`` is when it was marked as the emergency that it still is, ``contact_at``
    when somebody was first told of it: a desk keyed on a radio net or the emergency was announced on one, or a Polres
    answered (SOP VII.d).
    ``marked_at`` is when it got a prank mark that still stands, also after its end (SOP VII.f).
    """

    id: str
    first_seq: int
    received_at: str
    caller: str | None = None
    dialled: str | None = None
    state: str = "waiting"
    kind: str | None = None
    emergency: bool = False
    operator: str | None = None
    desk: str | None = None
    polres: str | None = None
    ticket: str | None = None
    outcome: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    recording_sha256: str | None = None
    recording_seconds: float | None = None
    recording_bytes: int | None = None
    answered_by: str | None = None
    answered_desk: str | None = None
    blocked_at: str | None = None
    emergency_at: str | None = None
    contact_at: str | None = None
    marked_at: str | None = None


def text(data: Mapping[str, Json], key: str) -> str | None:
    """The text under a key; None when there is none."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def operator_of(record: Record) -> str | None:
    """The NRP of the operator who did it; None: somebody else, or a desk at which nobody logs in."""
    kind, _, nrp = record.actor.partition(":")
    return (nrp or None) if kind == "operator" else text(record.data, "operator")


def fold_call(row: CallRow | None, record: Record) -> CallRow | None:
    """The call's row after one more of its records; None when there is no such call."""
    if record.call is None:
        return row
    if row is None:
        if not record.action.startswith("call."):
            return None  # what is said about a call begins none
        row = CallRow(record.call, record.seq, record.at)
    change = _CHANGES.get(record.action)
    if change is None or (row.state == "ended" and record.action not in _AFTERWARDS):
        return row
    return change(row, record)


def _received(row: CallRow, record: Record) -> CallRow:
    caller, dialled = text(record.data, "caller"), text(record.data, "dialled")
    return replace(row, received_at=record.at, caller=caller, dialled=dialled)


def _queued(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="waiting")


def _offered(row: CallRow, record: Record) -> CallRow:
    return replace(row, state="ringing", desk=text(record.data, "desk"))


def _not_answered(row: CallRow, record: Record) -> CallRow:
    desk = text(record.data, "desk")
    if row.state in WITH_CALLER or (desk is not None and row.desk not in {None, desk}):
        return row
    return replace(row, state="waiting", desk=None)


def _held_by(row: CallRow, record: Record, state: str) -> CallRow:
    """Who did this has the caller now."""
    return replace(row, state=state, desk=text(record.data, "desk") or row.desk, operator=operator_of(record))


def _answered(row: CallRow, record: Record) -> CallRow:
    after = _held_by(row, record, "talking")
    if row.answered_at is not None:
        return after
    return replace(after, answered_at=record.at, answered_by=after.operator, answered_desk=after.desk)


def _classified(row: CallRow, record: Record) -> CallRow:
    kind, emergency = record.data.get("kind"), record.data.get("emergency")
    if isinstance(kind, str) and kind in KINDS:
        row = replace(row, kind=kind)
    if not isinstance(emergency, bool):
        return row
    return replace(row, emergency=emergency, emergency_at=(row.emergency_at or record.at) if emergency else None)


def _held(row: CallRow, record: Record) -> CallRow:
    return _held_by(row, record, "held")


def _resumed(row: CallRow, record: Record) -> CallRow:
    return _held_by(row, record, "talking")


def _consulting(row: CallRow, record: Record) -> CallRow:
    return _held_by(row, record, "consulting")


def _consult_ended(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="talking") if row.state == "consulting" else row


def _referred(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="transferring", desk=None, operator=None)  # the operator has left


def _transfer_started(row: CallRow, record: Record) -> CallRow:
    desk = text(record.data, "desk")
    operator = operator_of(record) if desk is not None else None
    polres = text(record.data, "polres") or row.polres
    return replace(row, state="transferring", polres=polres, desk=desk, operator=operator)


def _transfer_answered(row: CallRow, record: Record) -> CallRow:
    polres = text(record.data, "polres") or row.polres
    return _contacted(replace(_answered(row, record), polres=polres), record)


def _contacted(row: CallRow, record: Record) -> CallRow:
    return replace(row, contact_at=row.contact_at or record.at)


def _announced(row: CallRow, record: Record) -> CallRow:
    return _contacted(row, record) if record.data.get("said") is True else row


def _keyed(row: CallRow, record: Record) -> CallRow:
    return _contacted(row, record) if record.data.get("by") == "desk" else row


def _blocked(row: CallRow, record: Record) -> CallRow:
    return replace(row, blocked_at=record.at)


def _marked(row: CallRow, record: Record) -> CallRow:
    return replace(row, marked_at=row.marked_at or record.at)


def _unmarked(row: CallRow, _: Record) -> CallRow:
    return replace(row, marked_at=None)


def _taken_back(row: CallRow, record: Record) -> CallRow:
    desk, polres = text(record.data, "desk"), text(record.data, "polres") or row.polres
    if desk is None:  # the operator has left meanwhile: nobody has the caller
        return replace(row, state="waiting", polres=polres, desk=None, operator=None)
    return replace(_held_by(row, record, "talking"), polres=polres)


def _requeued(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="waiting", desk=None, operator=None)


def _in_fallback(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="ringing", desk=None, operator=None)  # the dialplan rings all desks at once


def _adopted(row: CallRow, record: Record) -> CallRow:
    state = text(record.data, "state")
    if state not in LIVING:
        return row
    return replace(row, state=state, desk=text(record.data, "desk") or row.desk)


def _complaint(row: CallRow, record: Record) -> CallRow:
    return row if row.ticket else replace(row, ticket=text(record.data, "ticket"))


def _recorded(row: CallRow, record: Record) -> CallRow:
    seconds, size = record.data.get("seconds"), record.data.get("bytes")
    return replace(
        row,
        recording_sha256=text(record.data, "sha256"),
        recording_seconds=float(seconds) if isinstance(seconds, int | float) else None,
        recording_bytes=size if isinstance(size, int) else None,
    )


def _ended(row: CallRow, record: Record) -> CallRow:
    return replace(row, state="ended", outcome=text(record.data, "outcome") or "lost", ended_at=record.at)


_CHANGES: Final[Mapping[str, Callable[[CallRow, Record], CallRow]]] = {
    "call.received": _received,
    "call.queued": _queued,
    "call.offered": _offered,
    "call.not_answered": _not_answered,
    "call.answered": _answered,
    "call.classified": _classified,
    "call.held": _held,
    "call.resumed": _resumed,
    "call.consulted": _consulting,
    "call.consult_answered": _consulting,
    "call.consult_ended": _consult_ended,
    "call.conferenced": _resumed,
    "call.referred": _referred,
    "call.transfer_started": _transfer_started,
    "call.transfer_answered": _transfer_answered,
    "call.taken_back": _taken_back,
    "call.requeued": _requeued,
    "call.fallback": _in_fallback,
    "call.adopted": _adopted,
    "call.recorded": _recorded,
    "call.ended": _ended,
    "call.blocked": _blocked,
    "complaint.opened": _complaint,
    "radio.keyed": _keyed,
    "radio.announced": _announced,
    "prank.marked": _marked,
    "prank.unmarked": _unmarked,
}
"""What each action changes in a call's row."""

_AFTERWARDS: Final = frozenset({"prank.marked", "prank.unmarked", "radio.announced"})
"""What supervisors say of calls that are over (SOP VII.f), and an emergency that had to wait for the floor (VII.d)."""
