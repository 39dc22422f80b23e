"""The dialplan's notes on calls that the application did not see to their end, as facts.

While the application was away, the fallback answered (``dialplan/fallback.conf``). It left one line a call,
from which the journal learns what happened.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ari_app.domain.facts import Fact, Json, call_received
from ari_app.domain.numbers import e164

_FIELDS: Final = 10


@dataclass(frozen=True, slots=True)
class Note:
    """One call as the fallback saw it. ``desk`` is empty when nobody answered; ``talked_ms`` is milliseconds."""

    call: str
    number: str
    dialled: str
    received: datetime
    began: datetime
    ended: datetime
    talked_ms: int
    desk: str
    by: str
    cause: int


def parse(line: str) -> Note | None:
    """The note in one line; None when it is damaged (a crash in the middle of writing it)."""
    fields = line.strip().split("|")
    if len(fields) != _FIELDS or not fields[0]:
        return None
    call, number, dialled, received, began, ended, talked, desk, by, cause = fields
    try:
        return Note(
            call,
            number,
            dialled,
            _moment(received),
            _moment(began),
            _moment(ended),
            int(talked or 0),
            desk,
            by,
            int(cause or 0),
        )
    except (ValueError, OverflowError, OSError):
        return None


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def story(note: Note, told: Collection[str], region: str) -> list[Fact]:
    """The facts of a call that the journal does not have yet; ``told`` are the actions that it has of it."""
    if "call.ended" in told:
        return []
    facts: list[Fact] = []
    if "call.received" not in told:
        caller = e164(note.number, region)
        facts.append(
            call_received(note.call, caller=caller, number=note.number, dialled=note.dialled, at=note.received)
        )
    if "call.fallback" not in told:
        facts.append(Fact("asterisk", "call.fallback", note.call, {"reason": "not_claimed"}, note.began))
    return facts + _end(note)


def _end(note: Note) -> list[Fact]:
    if not (note.desk and note.talked_ms):
        waited = _milliseconds(note.received, note.ended)
        end: dict[str, Json] = {"by": "caller", "outcome": "abandoned", "cause": note.cause}
        return [
            Fact("caller", "call.abandoned", note.call, {"waited_ms": waited}, note.ended),
            Fact("caller", "call.ended", note.call, end, note.ended),
        ]
    answered = datetime.fromtimestamp(note.ended.timestamp() - note.talked_ms / 1000, UTC)
    waited = max(0, _milliseconds(note.received, answered))
    who, by = ("caller", "caller") if note.by == "caller" else (f"desk:{note.desk}", "desk")
    return [
        Fact(f"desk:{note.desk}", "call.answered", note.call, {"desk": note.desk, "waited_ms": waited}, answered),
        Fact(who, "call.ended", note.call, {"by": by, "outcome": "fallback", "cause": note.cause}, note.ended),
    ]


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
