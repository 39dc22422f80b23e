"""Calls that were never made, as the journal tells them and as Asterisk writes them down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from ari_app.domain.asterisk_log import fold, parse
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.witness import SETTLED, Report, Span, compare, told

START = datetime(2025, 1, 31, 1, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Jakarta")
DESKS = ("1001", "1002", "2001")
LATER = START + timedelta(hours=12)


@dataclass(frozen=True)
class Entry:
    """A line or a fact of a call at a moment (seconds after START)."""

    at: float
    call: str
    line: str | None = None
    fact: Fact | None = None


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def line(at: float, kind: str, channel: str, name: str, *, context: str = "", extra: str = "") -> str:
    """As asterisk_conf/cel_custom.conf.j2 has it written."""
    quoted = '"' + extra.replace('"', '""') + '"' if extra else ""
    return "\t".join((f"{START.timestamp() + at:.6f}", kind, channel, name, context, quoted))


@dataclass(frozen=True)
class Talk:
    """An operator at a desk has the caller, from ``start`` on for ``lasts`` seconds."""

    desk: str
    start: float
    lasts: float


@dataclass(frozen=True)
class Played:
    """One call, in seconds after START. ``died``: Asterisk did, with the call."""

    id: str
    begin: float
    end: float
    talks: tuple[Talk, ...] = ()
    in_fallback: bool = False
    died: bool = False
    cause: int = 16

    @property
    def outcome(self) -> str:
        if self.died:
            return "lost"
        if not self.talks:
            return "abandoned"
        return "fallback" if self.in_fallback else "answered"

    def entries(self) -> list[Entry]:
        return [*self._lines(), *self._facts()]

    def _lines(self) -> Iterable[Entry]:
        caller, context = (self.id, f"PJSIP/pstn-{self.id}"), "fallback" if self.in_fallback else "emergency"

        def say(at: float, kind: str, who: tuple[str, str], where: str, extra: str = "") -> Entry:
            return Entry(at, self.id, line(at, kind, *who, context=where, extra=extra))

        yield say(self.begin, "CHAN_START", caller, "from-trunk")
        if self.talks:
            yield say(self.talks[0].start, "ANSWER", caller, context)
        for number, talk in enumerate(self.talks):
            leg = f"{self.id}-leg-{number}", f"PJSIP/{talk.desk}-{number:08x}"
            room = f'{{"bridge_id":"{self.id}-bridge-{number}","bridge_technology":"simple_bridge"}}'
            over = talk.start + talk.lasts
            yield say(talk.start - 0.5, "CHAN_START", leg, "from-desk")
            yield say(talk.start, "BRIDGE_ENTER", caller, context, room)
            yield say(talk.start, "BRIDGE_ENTER", leg, "from-desk", room)
            if not self.died:
                yield say(over, "BRIDGE_EXIT", caller, context, room)
                yield say(over, "BRIDGE_EXIT", leg, "from-desk", room)
                yield say(over, "HANGUP", leg, "from-desk", _gone(16))
        if not self.died:
            yield say(self.end, "HANGUP", caller, context, _gone(self.cause))

    def _facts(self) -> Iterable[Entry]:
        def say(at: float, action: str, **data: Json) -> Entry:
            return Entry(at, self.id, fact=Fact("system", action, self.id, data, moment(at)))

        yield say(self.begin + 0.01, "call.received", caller=None, dialled="110")
        yield say(self.begin + 0.02, "call.queued", priority="normal")
        for number, talk in enumerate(self.talks):
            action = "call.transfer_answered" if number else "call.answered"
            yield say(talk.start + 0.01, action, desk=talk.desk, operator=None, waited_ms=1)
        cause = 0 if self.died else self.cause
        yield say(self.end + 0.1, "call.ended", by="caller", outcome=self.outcome, cause=cause)


def _gone(cause: int) -> str:
    return f'{{"hangupcause":{cause},"hangupsource":"","dialstatus":""}}'


@dataclass
class Both:
    """What the two say of some calls, in the order in which it was written."""

    lines: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def report(self, **changes: Any) -> Report:
        """The comparison, long after."""
        records = [
            Record(
                seq, (fact.at or START).astimezone(ZONE).isoformat(), "system", fact.action, fact.call, fact.data, ""
            )
            for seq, fact in enumerate(self.facts, 1)
        ]
        events = [event for event in map(parse, self.lines) if event is not None]
        span = replace(Span(START - timedelta(hours=1), LATER, LATER, ZONE, SETTLED), **changes)
        return compare(told(records), fold(events), span, DESKS)


def both(calls: Sequence[Played]) -> Both:
    """What is written of all of them; Asterisk dies for all at once, after all else."""
    entries = sorted((entry for call in calls for entry in call.entries()), key=lambda entry: entry.at)
    return Both(
        [entry.line for entry in entries if entry.line is not None],
        [entry.fact for entry in entries if entry.fact is not None],
    )


@st.composite
def _call(draw: st.DrawFn) -> Played:
    begin = draw(st.floats(0, 600))
    at, talks = begin + draw(st.floats(1, 30)), []
    for desk in draw(st.lists(st.sampled_from(DESKS), max_size=3, unique=True)):
        lasts = draw(st.floats(2, 60))
        talks.append(Talk(desk, at, lasts))
        at += lasts + draw(st.floats(0.1, 5))
    in_fallback = draw(st.booleans())
    return Played("", begin, at, tuple(talks[:1] if in_fallback else talks), in_fallback)


def _numbered(found: Sequence[Played]) -> tuple[Played, ...]:
    """As Asterisk numbers them: in the order in which they begin."""
    ordered = sorted(found, key=lambda call: call.begin)
    start = int(START.timestamp())
    return tuple(replace(call, id=f"{start + int(call.begin)}.{number}") for number, call in enumerate(ordered))


calls = st.lists(_call(), min_size=1, max_size=5).map(_numbered)
"""A few calls beside each other, of every kind that ends well."""
