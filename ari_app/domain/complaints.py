"""Complaints (pengaduan): what the facts say about one, which fields it has, and its ticket number.

A call has at most one complaint, which outlives it (SOP V.3 to V.11). Every fact of a complaint carries its
call's id, so a complaint's story is part of its call's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, TypeAlias

from ari_app.domain.calls import KINDS, text
from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Json, Record

STATUSES: Final = ("open", "forwarded", "handling", "closed")
"""``forwarded``: a Polres rings (SOP V.6); ``handling``: it has taken it (V.8); ``closed``: V.9."""

VALIDITIES: Final = KINDS
CATEGORIES: Final = (
    "kecelakaan", "kebakaran", "pencurian", "perampokan", "kekerasan", "kdrt", "narkoba", "keributan", "lalu_lintas",
    "orang_hilang", "bencana", "informasi", "lainnya",
)  # fmt: skip

REQUIRED: Final = ("name", "number", "place", "plate")
"""What SOP VI "Verifikasi" has the operator ask for."""

NOT_APPLICABLE: Final = "-"
"""Fills a field for which there is nothing to say."""

FACTS: Final = frozenset({"complaint.opened", "complaint.edited", "complaint.closed", "complaint.reopened"})


class ComplaintRefused(CommandRefused):
    """It cannot be done with this complaint; the text is one sentence for the person who wanted it."""


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """A complaint. Times are ISO 8601 with offset, ``..._by`` are actors, both as in the journal.

    ``number`` is the reporter's (E.164); ``category`` one of ``CATEGORIES``, ``validity`` of ``VALIDITIES``,
    ``status`` of ``STATUSES``. ``polres`` is for whom it is, ``reason`` why it has its status: of the take-back
    because of which it is still open for that Polres (SOP V.10: busy, no_answer, unreachable, operator), or as it
    was given when it was closed or opened again. ``first_seq`` is the number of the record that opened it.
    """

    call: str
    ticket: str
    first_seq: int
    opened_at: str
    opened_by: str
    name: str | None = None
    number: str | None = None
    place: str | None = None
    category: str | None = None
    description: str | None = None
    plate: str | None = None
    validity: str | None = None
    emergency: bool = False
    polres: str | None = None
    status: str = "open"
    reason: str | None = None
    changed_at: str | None = None
    changed_by: str | None = None
    closed_at: str | None = None
    closed_by: str | None = None


def missing(row: ComplaintRow) -> list[str]:
    """The fields that SOP VI "Verifikasi" requires and that are not filled; ``-`` fills one."""
    return [name for name in REQUIRED if not getattr(row, name)]


# ---- the fold --------------------------------------------------------------------------------------

_Changes: TypeAlias = dict[str, Any]


def fold_complaint(row: ComplaintRow | None, record: Record) -> ComplaintRow | None:
    """The complaint of a call after one more record of the call; None: there is none yet.

    The first ``complaint.opened`` counts. One that is closed changes only by ``complaint.reopened``.
    """
    if row is None:
        return _opened(record) if record.action == "complaint.opened" else None
    change = _CHANGES.get(record.action)
    if change is None or record.call != row.call or record.data.get("ticket", row.ticket) != row.ticket:
        return row
    if (row.status == "closed") != (record.action == "complaint.reopened"):
        return row
    changes = change(record)
    return replace(row, **changes, changed_at=record.at, changed_by=record.actor) if changes else row


def _opened(record: Record) -> ComplaintRow | None:
    number = text(record.data, "ticket")
    if record.call is None or number is None:
        return None
    reporter = text(record.data, "number")
    is_emergency = record.data.get("emergency") is True
    begun = ComplaintRow(record.call, number, record.seq, record.at, record.actor, number=reporter)
    return replace(begun, emergency=True) if is_emergency else begun


def _edited(record: Record) -> _Changes:
    changes: _Changes = {}
    for name, value in record.data.items():
        if name in _FITS and _FITS[name](value):
            changes[name] = value
    if not changes.keys().isdisjoint({"status", "polres"}):
        changes["reason"] = None
    return changes


def _closed(record: Record) -> _Changes:
    reason = text(record.data, "reason")
    return {"status": "closed", "reason": reason, "closed_at": record.at, "closed_by": record.actor}


def _reopened(record: Record) -> _Changes:
    return {"status": "open", "reason": text(record.data, "reason"), "closed_at": None, "closed_by": None}


def _classified(record: Record) -> _Changes:
    changes: _Changes = {}
    if record.data.get("kind") in VALIDITIES:
        changes["validity"] = record.data["kind"]
    if isinstance(record.data.get("emergency"), bool):
        changes["emergency"] = record.data["emergency"]
    return changes


def _for_polres(record: Record, status: str) -> _Changes:
    polres = text(record.data, "polres")
    return {"status": status, "reason": None} | ({"polres": polres} if polres is not None else {})


def _forwarded(record: Record) -> _Changes:
    return _for_polres(record, "forwarded")


def _handling(record: Record) -> _Changes:
    return _for_polres(record, "handling")


def _taken_back(record: Record) -> _Changes:
    """SOP V.10, V.11: it stays open for that Polres."""
    return _for_polres(record, "open") | {"reason": text(record.data, "reason")}


def _requeued(record: Record) -> _Changes:
    """Nobody works on it any more, whoever did: the caller waits again."""
    return {"status": "open", "reason": text(record.data, "reason")}


_CHANGES: Final[Mapping[str, Callable[[Record], _Changes]]] = {
    "complaint.edited": _edited,
    "complaint.closed": _closed,
    "complaint.reopened": _reopened,
    "call.classified": _classified,
    "call.transfer_started": _forwarded,
    "call.transfer_answered": _handling,
    "call.taken_back": _taken_back,
    "call.transfer_ended": _taken_back,
    "call.requeued": _requeued,
}
"""What each action changes in a complaint."""

HISTORY: Final = frozenset({"complaint.opened", "instruction.added", *_CHANGES})
"""The actions of a call that its complaint's history is made of."""


def _is_text(value: Json) -> bool:
    return value is None or isinstance(value, str)


_FITS: Final[Mapping[str, Callable[[Json], bool]]] = {
    **dict.fromkeys(("name", "number", "place", "category", "description", "plate", "polres"), _is_text),
    "validity": lambda value: value is None or value in VALIDITIES,
    "emergency": lambda value: isinstance(value, bool),
    "status": lambda value: value in STATUSES[:-1],
}
"""What of ``complaint.edited`` is taken: a journal holds whatever was told."""

EDITABLE: Final = tuple(_FITS)


# ---- ticket numbers --------------------------------------------------------------------------------

_TICKET: Final = re.compile(r"110-([0-9]{4})([0-9]{2})([0-9]{2})-([0-9]{4}|[1-9][0-9]{4,11})")

TicketKey: TypeAlias = tuple[date, int]
"""A ticket's day and its number on that day; in this order tickets are handed out."""


def ticket(day: date, number: int) -> str:
    """``110-20250131-0007``: the site's local date and the number on that day; from 10000 on it gets longer."""
    return f"110-{day:%Y%m%d}-{number:04d}"


def ticket_key(text_: object) -> TicketKey | None:
    """Day and number of a ticket; None when it is not one."""
    found = _TICKET.fullmatch(text_) if isinstance(text_, str) else None
    if found is None:
        return None
    year, month, day, number = map(int, found.groups())
    try:
        return date(year, month, day), number
    except ValueError:
        return None


def next_ticket(last: TicketKey | None, today: date) -> TicketKey:
    """The one after ``last``: numbers begin again each day, without gaps, and go on when the clock is set back."""
    if last is None or last[0] < today:
        return today, 1
    return last[0], last[1] + 1


_UNREAD: Final = 100_000_000


def unread_ticket(now: datetime) -> TicketKey:
    """Stands for the last ticket where that cannot be read; ``now`` is the site's time.

    It is behind any that was handed out today, after another such beginning as well: the number is so large, and grows
    by a thousand a second.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return now.date(), _UNREAD + int((now - midnight).total_seconds() * 1000)
