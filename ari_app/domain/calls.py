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

FOLD_VERSION: Final = 5
"""Goes up when one of the folds changes: the tables are then folded anew from the whole journal."""

STATES: Final = ("waiting", "ringing", "talking", "held", "transferring", "consulting", "ended")
LIVING: Final = STATES[:-1]
WITH_CALLER: Final = frozenset({"talking", "held", "transferring", "consulting"})
"""The states in which somebody has taken the call and works on it."""

KINDS: Final = ("valid", "not_valid", "prank")


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call, with the fields of the contract. Times are ISO 8601 with offset, as in the journal.

    ``state`` is one of ``STATES``, ``kind`` of ``KINDS`` (SOP V.4); ``outcome`` is answered, abandoned, fallback,
    turned_away or lost once it has ended. ``kind`` stays ``prank`` when the mark is taken back: it is what was said of
    the call while it lived. ``desk`` and ``operator`` are who has the caller now, ``polres`` the Polres that has or
    had the call, or for which it is (SOP V.6, V.10). ``ticket`` is its complaint's, ``recording_sha256`` of its
    finished recording. ``first_seq`` is the number of its first record, so calls can be put in order.
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


def text(data: Mapping[str, Json], key: str) -> str | None:
    """The text under a key; None when there is none."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def operator_of(record: Record) -> str | None:
    """The NRP of the operator who did it; None: somebody else, or a desk at which nobody logs in."""
    kind, _, nrp = record.actor.partition(":")
    return (nrp or None) if kind == "operator" else text(record.data, "operator")


def fold_call(row: CallRow | None, record: Record) -> CallRow | None:
    """The call's row after one more of its records; None when the record belongs to no call."""
    if record.call is None:
        return row
    if row is None:
        row = CallRow(record.call, record.seq, record.at)
    change = _CHANGES.get(record.action)
    return row if change is None or row.state == "ended" else change(row, record)


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
    return replace(_held_by(row, record, "talking"), answered_at=row.answered_at or record.at)


def _classified(row: CallRow, record: Record) -> CallRow:
    kind, emergency = record.data.get("kind"), record.data.get("emergency")
    if isinstance(kind, str) and kind in KINDS:
        row = replace(row, kind=kind)
    return replace(row, emergency=emergency) if isinstance(emergency, bool) else row


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
    return replace(_held_by(row, record, "talking"), polres=polres, answered_at=row.answered_at or record.at)


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
    return replace(row, recording_sha256=text(record.data, "sha256"))


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
    "complaint.opened": _complaint,
}
"""What each action changes in a call's row."""
