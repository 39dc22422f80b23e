"""What the facts say about a telephone number that was marked or blocked (SOP VIII), as one row; and its history.

A pure fold, without the site's rules: which marks count, and whether a block is over, is ``blocklist``'s to say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ari_app.domain.blocklist import ACTIONS, BLOCKED, MARKED, MOST_MARKS, UNMARKED, Reason, is_number
from ari_app.domain.calls import text
from ari_app.domain.facts import Record
from ari_app.domain.moments import milliseconds

MarkedIn: TypeAlias = tuple[tuple[str, int], ...]
"""The calls in which a number was marked, each with when (ms since 1970)."""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A number (E.164, or digits). Times are ISO 8601 with offset, ``blocked_by`` is an actor, both as in the journal.

    ``marked_in`` are the marks that were not taken back, of the last ``MOST_MARKS`` since the number was last
    unblocked; ``marks`` is how many. ``blocked_at`` and what belongs to it are None when it is not blocked, else
    ``reason`` is one of ``blocklist.Reason``. ``last_seq`` is the number of the record that last changed it.
    """

    number: str
    last_seq: int
    changed_at: str
    marks: int = 0
    marked_in: MarkedIn = ()
    blocked_at: str | None = None
    blocked_ms: int | None = None
    blocked_by: str | None = None
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class NumberEvent:
    """One line of a number's history; ``number`` is None for a mark against a caller who withheld theirs.

    ``reason`` and ``note`` are what was said with it.
    """

    seq: int
    number: str | None
    at: str
    actor: str
    action: str
    call: str | None
    reason: str | None = None
    note: str | None = None


def number_of(record: Record) -> str | None:
    """The number whose row a record changes; None: none."""
    number = record.data.get("number") if record.action in ACTIONS else None
    return number if is_number(number) else None


def event_of(record: Record) -> NumberEvent | None:
    """The line that a record adds to the history of numbers; None: none."""
    if record.action not in ACTIONS:
        return None
    number = number_of(record)
    if number is None and record.data.get("number") is not None:
        return None
    reason, note = text(record.data, "reason"), text(record.data, "note")
    return NumberEvent(record.seq, number, record.at, record.actor, record.action, record.call, reason, note)


def fold_number(row: NumberRow | None, record: Record) -> NumberRow | None:
    """The row of ``number_of(record)`` after this record; None when it says nothing about a number."""
    number = number_of(record)
    if number is None:
        return row
    if record.action in {MARKED, UNMARKED}:
        changed = replace(row or NumberRow(number, record.seq, record.at), last_seq=record.seq, changed_at=record.at)
        return _marked(changed, record)
    keeps_marks = record.action == BLOCKED or record.data.get("reason") == Reason.UNMARKED
    marked_in = row.marked_in if row is not None and keeps_marks else ()
    if record.action != BLOCKED:
        return NumberRow(number, record.seq, record.at, len(marked_in), marked_in)
    return NumberRow(
        number,
        record.seq,
        record.at,
        len(marked_in),
        marked_in,
        blocked_at=record.at,
        blocked_ms=milliseconds(record.at),
        blocked_by=record.actor,
        reason=text(record.data, "reason"),
        note=text(record.data, "note"),
    )


def _marked(row: NumberRow, record: Record) -> NumberRow:
    if record.call is None:
        return row
    others = tuple(mark for mark in row.marked_in if mark[0] != record.call)
    if record.action == UNMARKED:
        marked_in = others
    elif len(others) < len(row.marked_in):
        return row  # at most one mark a call
    else:
        marked_in = (*row.marked_in, (record.call, milliseconds(record.at)))[-MOST_MARKS:]
    return replace(row, marks=len(marked_in), marked_in=marked_in)


NUMBER_FIELDS: Final = tuple(NumberRow.__dataclass_fields__)
EVENT_FIELDS: Final = tuple(NumberEvent.__dataclass_fields__)
