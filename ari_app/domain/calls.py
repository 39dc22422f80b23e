"""What the journal's facts say about a call and about a desk, as one row each.

Pure folds: the same records in the same order give the same rows. An action that is not known here leaves
the row as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ari_app.domain.facts import Json, Record

FOLD_VERSION: Final = 1
"""Goes up when the folds change: the tables are then folded anew from the whole journal."""

STATES: Final = ("waiting", "ringing", "talking", "ended")


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call, with the fields of the contract. Times are ISO 8601 with offset, as in the journal.

    ``state`` is one of ``STATES``; ``outcome`` is answered, abandoned, fallback or lost once it has
    ended; ``first_seq`` is the number of its first record, so calls can be put in order.
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
    outcome: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None


@dataclass(frozen=True, slots=True)
class DeskRow:
    """A desk: whether its phone is registered and since when, and the call that rings or talks there."""

    extension: str
    registered: bool = False
    since: str | None = None
    call: str | None = None


def text(data: Mapping[str, Json], key: str) -> str | None:
    """The text under a key; None when there is none."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


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
    if row.state == "talking" or (desk is not None and row.desk not in {None, desk}):
        return row
    return replace(row, state="waiting", desk=None)


def _answered(row: CallRow, record: Record) -> CallRow:
    kind, _, nrp = record.actor.partition(":")
    return replace(
        row,
        state="talking",
        desk=text(record.data, "desk") or row.desk,
        operator=nrp if kind == "operator" else text(record.data, "operator") or row.operator,
        answered_at=row.answered_at or record.at,
    )


def _in_fallback(row: CallRow, _: Record) -> CallRow:
    return replace(row, state="ringing", desk=None)  # the dialplan rings all desks at once


def _adopted(row: CallRow, record: Record) -> CallRow:
    state = text(record.data, "state")
    if state not in STATES[:3]:
        return row
    return replace(row, state=state, desk=text(record.data, "desk") or row.desk)


def _ended(row: CallRow, record: Record) -> CallRow:
    return replace(row, state="ended", outcome=text(record.data, "outcome") or "lost", ended_at=record.at)


_CHANGES: Final[Mapping[str, Callable[[CallRow, Record], CallRow]]] = {
    "call.received": _received,
    "call.queued": _queued,
    "call.offered": _offered,
    "call.not_answered": _not_answered,
    "call.answered": _answered,
    "call.fallback": _in_fallback,
    "call.adopted": _adopted,
    "call.ended": _ended,
}
"""What each action changes in a call's row."""


def desks_of(record: Record) -> str | None:
    """The desk that a record is about; None: no desk."""
    return text(record.data, "desk")


def fold_desk(row: DeskRow | None, extension: str, record: Record) -> DeskRow | None:
    """The desk's row after one more record that is about it.

    The end of a call is not about a desk: who folds takes the call off the desks with ``off_call``.
    """
    row = row or DeskRow(extension)
    match record.action:
        case "desk.registered":
            return row if row.registered else replace(row, registered=True, since=record.at)
        case "desk.unregistered":
            return replace(row, registered=False, since=record.at)
        case "call.offered" | "call.answered" | "call.adopted":
            return replace(row, call=record.call)
        case "call.not_answered" if row.call == record.call:
            return replace(row, call=None)
    return row


def off_call(row: DeskRow, call: str) -> DeskRow:
    """The desk's row after the call has ended or left it."""
    return replace(row, call=None) if row.call == call else row
