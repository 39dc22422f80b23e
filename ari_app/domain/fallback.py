"""The dialplan's notes on calls that the application did not see to their end, as facts.

While the application was away, the fallback answered (``dialplan/fallback.conf``). It left one line a call,
from which the journal learns what happened.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ari_app.domain.facts import Fact, Json, call_received
from ari_app.domain.numbers import e164

_LINE: Final = re.compile(
    r"(?P<call>[0-9A-Za-z._-]{1,150})\|(?P<number>[0-9+]{0,20})\|(?P<dialled>[0-9]{1,80})"
    r"\|(?P<received>[0-9]{1,14})\|(?P<began>[0-9]{1,14})\|(?P<ended>[0-9]{1,14})\|(?P<talked>[0-9]{0,12})"
    r"\|(?P<desk>[0-9]{0,80})\|(?P<by>caller|desk)\|(?P<cause>[0-9]{0,3})"
)
"""As ``dialplan/fallback.conf`` writes it. What a crash or a bad disk made of it must not get into the journal."""


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
    found = _LINE.fullmatch(line.strip(" \t\r\n\0"))  # a power cut can leave zeros
    if found is None:
        return None
    return Note(
        found["call"],
        found["number"],
        found["dialled"],
        _moment(found["received"]),
        _moment(found["began"]),
        _moment(found["ended"]),
        int(found["talked"] or 0),
        found["desk"],
        found["by"],
        int(found["cause"] or 0),
    )


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
        waited = max(0, _milliseconds(note.received, note.ended))
        end: dict[str, Json] = {"by": "caller", "outcome": "abandoned", "cause": note.cause}
        return [
            Fact("caller", "call.abandoned", note.call, {"waited_ms": waited}, note.ended),
            Fact("caller", "call.ended", note.call, end, note.ended),
        ]
    # The machine's clock may have been set meanwhile: nobody is answered before the call came.
    answered = max(min(note.received, note.ended), note.ended - timedelta(milliseconds=note.talked_ms))
    waited = max(0, _milliseconds(note.received, answered))
    who, by = ("caller", "caller") if note.by == "caller" else (f"desk:{note.desk}", "desk")
    return [
        Fact(f"desk:{note.desk}", "call.answered", note.call, {"desk": note.desk, "waited_ms": waited}, answered),
        Fact(who, "call.ended", note.call, {"by": by, "outcome": "fallback", "cause": note.cause}, note.ended),
    ]


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)
