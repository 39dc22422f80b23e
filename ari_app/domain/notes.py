"""The dialplan's notes: one line on every call when it is over (``dialplan/note.conf``), as facts.

The application tells the stories of the calls that it sees to their end. Of all others, answered by the fallback
or ended while it was away, the journal learns from their notes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ari_app.domain.causes import NotAnswered
from ari_app.domain.desks import POLRES_PREFIX
from ari_app.domain.facts import Fact, Json, call_received
from ari_app.domain.numbers import e164

_TALK: Final = (
    r"(?P<desk>[0-9]{0,80})@(?P<lifted>[0-9]{0,14})/"
    r"(?:>(?P<to>[0-9]{1,80})@(?P<referred>[0-9]{1,14})/(?:(?P<why>[A-Z]{0,20})@(?P<back>[0-9]{1,14})/)?)?"
)
_ANY_TALK: Final = re.sub(r"\?P<[a-z]+>", "", _TALK)
_REST: Final = (
    r"\|(?P<number>[0-9+]{0,20})\|(?P<dialled>[0-9]{1,80})"
    r"\|(?P<received>[0-9]{1,14})\|(?P<began>[0-9]{0,14})\|(?P<ended>[0-9]{1,14})"
    rf"\|(?P<earlier>(?:{_ANY_TALK})*)"
    r"((?P<lifted>[0-9]{0,14})\+)?(?P<talked>[0-9]{0,12})"
    r"\|(?P<desk>[0-9]{0,80})\|(?P<by>caller|desk)\|(?P<state>[A-Za-z ]{0,20})\|"
)
_LINE: Final = re.compile(
    rf"(?P<call>(?![0-9]{{11}}|[0-9]+\.[0-9]*\.)[0-9A-Za-z._-]{{1,150}}){_REST}(?P<cause>[0-9]{{0,3}})"
)
"""As ``dialplan/note.conf`` writes it, not with a torn call's name before the next one's. What a crash or a bad disk
made of it must not get into the journal. ``lifted`` and ``earlier`` are not in notes that older dialplans wrote."""

_EARLIER: Final = re.compile(_TALK)
"""One of ``earlier``."""

_REASONS: Final = {"BUSY": NotAnswered.BUSY, "NOANSWER": NotAnswered.NO_ANSWER}
"""Why a Polres did not take a call, by Dial's words."""

_WITHIN: Final = re.compile(
    rf"(?P<call>[0-9]{{10}}\.[0-9]{{1,10}}){_REST}(?P<cause>[0-9]{{0,3}}?)(?=[ \t\r\0]*\Z|[0-9]{{10}}\.)"
)
"""A whole note among damaged ones. Only a call's name has a point, behind ten digits: so it is known where one begins,
and none is made of pieces of two."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A talk in the fallback that the desk's phone ended by its transfer key: since when, and at which desk.

    ``to`` is the Polres's number to which it sent the caller, and ``referred`` when; None: it joined them with a call
    that came to nothing. Where the Polres did not take them, ``back`` is when the desks rang again, and ``why`` is the
    word of ``Dial()``.
    """

    desk: str
    lifted: datetime | None
    to: str | None = None
    referred: datetime | None = None
    why: str = ""
    back: datetime | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """One call as the dialplan saw it.

    ``began`` is when the fallback took over; None: it did not. Its are ``desk``, empty when nobody answered there,
    ``lifted``, when the desk answered, where that is known, and ``talked_ms``, in milliseconds: from when the caller's
    line was answered, perhaps for an announcement, to the end of the talk; None: there was none, 0: it was not
    counted. ``answered``: the caller's line was answered, by whomever. ``earlier``: talks in the fallback before the
    last one.
    """

    call: str
    number: str
    dialled: str
    received: datetime
    began: datetime | None
    ended: datetime
    talked_ms: int | None
    desk: str
    by: str
    answered: bool
    cause: int
    lifted: datetime | None = None
    earlier: tuple[Talk, ...] = ()


def parse(line: str) -> Note | None:
    """The note in one line; None when it is damaged (a crash in the middle of writing it)."""
    found = _LINE.fullmatch(line.strip(" \t\r\n\0"))  # a power cut can leave zeros
    return None if found is None else _note(found)


def within(line: str) -> list[Note]:
    """The whole notes in a damaged line: when the disk is full in the middle of one, the next stands on its line."""
    return [_note(found) for found in _WITHIN.finditer(line)]


def _note(found: re.Match[str]) -> Note:
    return Note(
        found["call"],
        found["number"],
        found["dialled"],
        _moment(found["received"]),
        _moment(found["began"]) if found["began"] else None,
        _moment(found["ended"]),
        int(found["talked"]) if found["talked"] else None,
        found["desk"],
        found["by"],
        found["state"] == "Up",
        int(found["cause"] or 0),
        _moment_or_none(found["lifted"]),
        tuple(map(_talk, _EARLIER.finditer(found["earlier"]))),
    )


def _talk(found: re.Match[str]) -> Talk:
    return Talk(
        found["desk"],
        _moment_or_none(found["lifted"]),
        found["to"],
        _moment_or_none(found["referred"]),
        found["why"] or "",
        _moment_or_none(found["back"]),
    )


def _moment_or_none(milliseconds: str | None) -> datetime | None:
    return _moment(milliseconds) if milliseconds else None


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def story(note: Note, told: Collection[str], region: str, area_code: str = "") -> list[Fact]:
    """The facts of a call that the journal does not have yet; ``told`` are the actions that it has of it.

    ``region`` and ``area_code`` are where national and local numbers belong. Its complaint (SOP V.3) is opened where
    it has none; the ticket is for whoever tells it to add.
    """
    if "call.ended" in told:
        return []
    facts: list[Fact] = []
    caller = e164(note.number, region, area_code)
    if "call.received" not in told:
        facts.append(
            call_received(note.call, caller=caller, number=note.number, dialled=note.dialled, at=note.received)
        )
    if note.began is None:
        return _with_complaint(facts + _end_with_application(note, told), told, caller)
    if "call.fallback" not in told:
        facts.append(Fact("asterisk", "call.fallback", note.call, {"reason": "not_claimed"}, note.began))
    return _with_complaint(facts + _end_in_fallback(note, told), told, caller)


def _with_complaint(facts: list[Fact], told: Collection[str], caller: str | None) -> list[Fact]:
    """The story with the complaint that every answered call opens: behind the answer, before the end (SOP V.3)."""
    if "complaint.opened" in told:
        return facts
    place = next((place for place, fact in enumerate(facts, 1) if fact.action == "call.answered"), None)
    if place is not None:
        answer = facts[place - 1]
        data: dict[str, Json] = {"number": caller, "desk": answer.data["desk"]}
        opened = Fact(answer.actor, "complaint.opened", answer.call, data, answer.at)
    elif "call.answered" in told:  # by the application, which died before it said more
        place, end = len(facts) - 1, facts[-1]
        opened = Fact("system", "complaint.opened", end.call, {"number": caller}, end.at)
    else:
        return facts
    return [*facts[:place], opened, *facts[place:]]


def _end_with_application(note: Note, told: Collection[str]) -> list[Fact]:
    """The application had the call, and was away when it ended."""
    # An answered line may be the announcement's. But of a desk's answer nothing need be told either: the application
    # may have died in the moments before that was on disk. Nobody who was served must be told as abandoned.
    if "call.answered" not in told and not note.answered:
        return _abandoned(note)
    return [_ended(note, "caller" if note.by == "caller" else "system", note.by, "answered")]


def _end_in_fallback(note: Note, told: Collection[str]) -> list[Fact]:
    facts: list[Fact] = []
    under_way: Talk | None = None  # a transfer of which nothing more is known
    for talk in note.earlier:
        facts += _talk_begins(note, talk.desk, talk.lifted, under_way) + _transfer(note, talk)
        under_way = talk if talk.to is not None and talk.back is None else None
    if note.desk and _has_talked(note):
        # The machine's clock may have been set meanwhile: nobody is answered before the call came.
        lifted = note.lifted or note.ended - timedelta(milliseconds=note.talked_ms or 0)
        facts += _talk_begins(note, note.desk, lifted, under_way)
        return [*facts, _ended(note, "caller" if note.by == "caller" else f"desk:{note.desk}", note.by, "fallback")]
    if under_way is not None:
        left = {"desk": None, "reason": "caller_left"}
        facts.append(_of_transfer(note, "call.transfer_ended", under_way, note.ended, left))
    if facts:
        return [*facts, _ended(note, "caller", "caller", "fallback")]
    # An operator may have had the caller before, and been lost together with the application.
    return [_ended(note, "caller", "caller", "answered")] if "call.answered" in told else _abandoned(note)


def _has_talked(note: Note) -> bool:
    """Whether the last desk that answered had the caller."""
    # Asterisk counts no time on a line that a phone's key has put in another one's place.
    is_moved = bool(note.earlier) or (note.answered and note.talked_ms == 0)
    return bool(note.talked_ms) or (note.lifted is not None and is_moved)


def _talk_begins(note: Note, desk: str, lifted: datetime | None, transfer: Talk | None) -> list[Fact]:
    """A desk has answered; that of the Polres, where the caller has just been sent there."""
    if not desk:
        return []
    at = _clamped(note, lifted or note.ended)
    if transfer is not None:
        return [_of_transfer(note, "call.transfer_answered", transfer, at, {"desk": desk})]
    data: dict[str, Json] = {"desk": desk, "waited_ms": max(0, _milliseconds(note.received, at))}
    return [Fact(f"desk:{desk}", "call.answered", note.call, data, at)]


def _transfer(note: Note, talk: Talk) -> list[Fact]:
    """SOP V.6 by the phone's own key, with which the operator leaves, and V.10 where nobody takes the call."""
    if talk.to is None or talk.referred is None:
        return []
    at = _clamped(note, talk.referred)
    actor = f"desk:{talk.desk}" if talk.desk else "system"
    polres = talk.to.removeprefix(POLRES_PREFIX)
    facts = [
        Fact(actor, "call.referred", note.call, {"desk": talk.desk or None, "to": talk.to}, at),
        Fact("system", "call.transfer_started", note.call, {"polres": polres, "desk": None}, at),
    ]
    if talk.back is not None:
        reason = _REASONS.get(talk.why, NotAnswered.UNREACHABLE).value
        back = _clamped(note, talk.back)
        facts.append(_of_transfer(note, "call.taken_back", talk, back, {"desk": None, "reason": reason}))
    return facts


def _of_transfer(note: Note, action: str, talk: Talk, at: datetime, data: Mapping[str, Json]) -> Fact:
    """How a transfer ended; ``data`` has the desk that has the caller now, None: none."""
    actor = f"desk:{data['desk']}" if data["desk"] else "system"
    waited = max(0, _milliseconds(_clamped(note, talk.referred or at), at))
    polres = (talk.to or "").removeprefix(POLRES_PREFIX)
    return Fact(actor, action, note.call, {"polres": polres, **data, "waited_ms": waited}, at)


def _clamped(note: Note, at: datetime) -> datetime:
    return max(min(note.received, note.ended), min(at, note.ended))


def _abandoned(note: Note) -> list[Fact]:
    waited = max(0, _milliseconds(note.received, note.ended))
    return [
        Fact("caller", "call.abandoned", note.call, {"waited_ms": waited}, note.ended),
        _ended(note, "caller", "caller", "abandoned"),
    ]


def _ended(note: Note, actor: str, by: str, outcome: str) -> Fact:
    data: dict[str, Json] = {"by": by, "outcome": outcome, "cause": note.cause}
    return Fact(actor, "call.ended", note.call, data, note.ended)


def _milliseconds(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)


def with_recording(facts: list[Fact], recording: Mapping[str, Json] | None) -> list[Fact]:
    """A call's story with its finished recording, told just before the end; None: there is none."""
    if recording is None or not facts or facts[-1].action != "call.ended":
        return facts
    end = facts[-1]
    return [*facts[:-1], Fact("asterisk", "call.recorded", end.call, recording, end.at), end]
