"""The second witness: what the journal tells of each call, held against what Asterisk itself wrote down of it.

Pure: from both, as far as they are known, to the differences. What is not in doubt yet is left out: calls that live,
and what has happened in the last minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Final

from ari_app.domain.asterisk_log import End, Seen
from ari_app.domain.calls import text
from ari_app.domain.facts import Record

WITHIN: Final = timedelta(seconds=10)
"""The two may name a moment so differently: whoever takes up a call after a fault comes a little later."""

SETTLED: Final = timedelta(minutes=5)
"""So long nothing may have happened in a call that is judged: the traffic of the moment gives no false alarm."""

LONGEST: Final = timedelta(hours=6)
"""A call that has no end by then is named."""

BRIEF: Final = timedelta(seconds=0.25)
"""Who heard the caller for less than that may be missing on either side: one lifted the receiver as the other went."""

NOTED: Final = "call.noted"
"""What may be said of a call long after it."""

LOST: Final = "lost"
FALLBACK: Final = "fallback"

_HAVE_CALLER: Final[Mapping[str, tuple[str, ...]]] = {
    "call.answered": ("desk",),
    "call.transfer_answered": ("desk",),
    "call.taken_back": ("desk",),
    "call.resumed": ("desk",),
    "call.conferenced": ("desk", "to"),
    "monitor.started": ("desk",),
}
"""Behind these the desks in ``data`` hear the caller."""


@dataclass(frozen=True, slots=True)
class ToldEnd:
    """A call's end as the journal tells it."""

    at: datetime
    outcome: str
    cause: int


@dataclass(slots=True)
class Told:
    """A call to 110 as the journal tells it; ``desks`` had the caller, from the moment on that is named."""

    first: datetime
    last: datetime
    begun: list[datetime] = field(default_factory=list)
    ended: list[ToldEnd] = field(default_factory=list)
    desks: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two do not agree on. ``at`` is when it happened, ``kind`` a word for programs.

    ``journal`` and ``asterisk`` are what each says, None where it says nothing; ``call`` is None where a line cannot be
    read at all.
    """

    at: datetime
    call: str | None
    kind: str
    text: str
    journal: str | None = None
    asterisk: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Calls that began in it are compared, as things were at ``now``. ``zone`` is how times are shown.

    A call is judged when nothing has happened in it for ``settled``.
    """

    since: datetime
    until: datetime
    now: datetime
    zone: tzinfo
    settled: timedelta

    def has(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.since <= moment < self.until


@dataclass(slots=True)
class Report:
    """What was found: calls that were compared, calls left out because they live or have only just ended."""

    calls: int = 0
    living: int = 0
    recent: int = 0
    differences: list[Difference] = field(default_factory=list)


def told(records: Iterable[Record]) -> dict[str, Told]:
    """The calls to 110 in the journal's records, by their id."""
    calls: dict[str, Told] = {}
    for record in records:
        is_joined = record.action == "monitor.started" and record.data.get("mode") == "barge"
        if record.call is None or not (is_joined or record.action.startswith("call.")) or record.action == NOTED:
            continue
        at = datetime.fromisoformat(record.at)
        call = calls.setdefault(record.call, Told(at, at))
        call.last = at
        _note(call, record, at)
    return calls


def _note(call: Told, record: Record, at: datetime) -> None:
    if record.action == "call.received":
        call.begun.append(at)
    elif record.action == "call.ended":
        cause = record.data.get("cause")
        call.ended.append(
            ToldEnd(
                at,
                text(record.data, "outcome") or LOST,
                cause if isinstance(cause, int) else 0,
            )
        )
    for key in _HAVE_CALLER.get(record.action, ()):
        desk = text(record.data, key)
        if desk is not None:
            call.desks.setdefault(desk, at)


def compare(journal: Mapping[str, Told], asterisk: Mapping[str, Seen], span: Span, desks: Collection[str]) -> Report:
    """Every difference in the calls of ``span``, in the order in which they began.

    Both must reach back a little before ``span`` and on to ``span.now``. ``desks`` are the extensions at which a caller
    can be answered.
    """
    report = Report()
    for call, began in sorted(_calls(journal, asterisk), key=lambda each: (each[1], each[0])):
        if span.has(began):
            _judge(report, _Case(call, journal.get(call), asterisk.get(call), span, frozenset(desks)))
    report.differences.sort(key=lambda each: (each.at, each.call or ""))
    return report


def _calls(journal: Mapping[str, Told], asterisk: Mapping[str, Seen]) -> Iterator[tuple[str, datetime]]:
    """Each call with the moment at which it began, for which Asterisk's word counts first."""
    for call, seen in asterisk.items():
        yield call, seen.begun[0]
    for call, story in journal.items():
        if call not in asterisk:
            yield call, story.first


@dataclass(frozen=True, slots=True)
class _Case:
    """One call, and what is needed to judge it."""

    call: str
    told: Told | None
    seen: Seen | None
    span: Span
    desks: frozenset[str]

    @property
    def last(self) -> datetime:
        """When something was last said of it."""
        return max(each.last for each in (self.told, self.seen) if each is not None)

    def moment(self, at: datetime) -> str:
        """A moment for people."""
        return at.astimezone(self.span.zone).strftime("%Y-%m-%d %H:%M:%S")

    def differs(
        self, kind: str, at: datetime, sentence: str, *, journal: str | None = None, asterisk: str | None = None
    ) -> Difference:
        """A difference in this call."""
        return Difference(at.astimezone(self.span.zone), self.call, kind, sentence, journal, asterisk)


def _judge(report: Report, case: _Case) -> None:
    if case.span.now - case.last < case.span.settled:
        report.recent += 1
    elif _lives(case):
        report.living += 1
    else:
        report.calls += 1
        report.differences += _differences(case)


def _lives(case: _Case) -> bool:
    """Whether both have it without an end, and it is not time to wonder.

    Of a call in the fallback the journal hears when it is over.
    """
    ended = (case.told is not None and case.told.ended) or (case.seen is None or case.seen.ended)
    return not ended and case.span.now - case.last < LONGEST and (case.seen is None or case.seen.cut is None)


def _differences(case: _Case) -> Iterator[Difference]:
    told, seen = case.told, case.seen
    if seen is None:
        if told is not None:
            yield _only_told(case, told)
        return
    if told is None:
        yield _only_seen(case, seen)
        return
    yield from _beginnings(case, told, seen)
    yield from _talks(case, told, seen)
    yield from _endings(case, told, seen)


def _only_told(case: _Case, told: Told) -> Difference:
    says = f"from {case.moment(told.first)} to {case.moment(told.last)}"
    return case.differs(
        "not_in_asterisk", told.first, f"the journal has the call {says}, Asterisk has nothing of it", journal=says
    )


def _only_seen(case: _Case, seen: Seen) -> Difference:
    end = f"to {case.moment(seen.ended[0].at)}" if seen.ended else "and no end"
    says = f"from {case.moment(seen.begun[0])} {end}"
    return case.differs(
        "not_in_journal", seen.begun[0], f"Asterisk has the call {says}, the journal has nothing of it", asterisk=says
    )


def _beginnings(case: _Case, told: Told, seen: Seen) -> Iterator[Difference]:
    began = seen.begun[0]
    says = case.moment(began)
    if not told.begun:
        yield case.differs(
            "no_beginning_in_journal",
            began,
            f"it began at {says} in Asterisk, the journal has no beginning",
            asterisk=says,
        )
    elif abs(told.begun[0] - began) > WITHIN:
        other = case.moment(told.begun[0])
        yield case.differs(
            "beginning",
            began,
            f"it began at {other} in the journal, at {says} in Asterisk",
            journal=other,
            asterisk=says,
        )
    yield from _twice(case, "begins", told.begun, seen.begun)


def _twice(case: _Case, what: str, told: list[datetime], seen: list[datetime]) -> Iterator[Difference]:
    for where, moments in (("the journal", told), ("Asterisk", seen)):
        if len(moments) > 1:
            kind = f"{what}_{len(moments)}_times_in_{where.split()[-1].lower()}"
            times = ", ".join(case.moment(each) for each in moments)
            yield case.differs(
                kind,
                moments[1],
                f"it {what} {len(moments)} times in {where}: {times}",
                **{where.split()[-1].lower(): times},
            )


def _talks(case: _Case, told: Told, seen: Seen) -> Iterator[Difference]:
    for desk in sorted(told.desks.keys() | (seen.together.keys() & case.desks)):
        at, together = told.desks.get(desk), seen.together.get(desk)
        if at is None and together is not None and together.lasted >= BRIEF:
            says = case.moment(together.since)
            sentence = f"desk {desk} heard the caller from {says} on in Asterisk, the journal does not say so"
            yield case.differs("desk_not_in_journal", together.since, sentence, asterisk=says)
        elif at is not None and together is None and not _has_gone(seen, at):
            says = case.moment(at)
            sentence = f"desk {desk} has the caller from {says} on in the journal, never in Asterisk"
            yield case.differs("desk_not_in_asterisk", at, sentence, journal=says)
        elif at is not None and together is not None and abs(at - together.since) > WITHIN:
            one, other = case.moment(at), case.moment(together.since)
            sentence = f"desk {desk} has the caller from {one} on in the journal, from {other} on in Asterisk"
            yield case.differs("desk_time", together.since, sentence, journal=one, asterisk=other)


def _has_gone(seen: Seen, at: datetime) -> bool:
    """Whether the caller hung up at this very moment."""
    return bool(seen.ended) and abs(seen.ended[0].at - at) < BRIEF


def _endings(case: _Case, told: Told, seen: Seen) -> Iterator[Difference]:
    yield from _twice(case, "ends", [end.at for end in told.ended], [end.at for end in seen.ended])
    if told.ended and seen.ended:
        yield from _ends(case, told.ended[0], seen.ended[0])
    elif told.ended:
        yield from _end_told(case, told.ended[0], seen)
    elif seen.ended:
        says = f"{case.moment(seen.ended[0].at)}, cause {seen.ended[0].cause}"
        sentence = f"it ended at {says} in Asterisk, the journal has no end"
        yield case.differs("no_end_in_journal", seen.ended[0].at, sentence, asterisk=says)
    elif seen.cut is not None:
        says = case.moment(seen.cut)
        sentence = f"Asterisk died with it after {says}, the journal has no end"
        yield case.differs("no_end_in_journal", seen.cut, sentence, asterisk=says)
    else:
        yield case.differs("no_end", case.last, f"neither has an end; the last is of {case.moment(case.last)}")
    if told.ended:
        yield from _fallback(case, told.ended[0], seen)


def _ends(case: _Case, told: ToldEnd, seen: End) -> Iterator[Difference]:
    one, other = case.moment(told.at), case.moment(seen.at)
    if told.outcome == LOST:
        sentence = f"the journal has lost it at {one}, in Asterisk it ended at {other}, cause {seen.cause}"
        yield case.differs("lost", seen.at, sentence, journal=one, asterisk=f"{other}, cause {seen.cause}")
        return
    if abs(told.at - seen.at) > WITHIN:
        sentence = f"it ended at {one} in the journal, at {other} in Asterisk"
        yield case.differs("end", seen.at, sentence, journal=one, asterisk=other)
    if told.cause not in {0, seen.cause}:
        sentence = f"it ended with cause {told.cause} in the journal, {seen.cause} in Asterisk"
        yield case.differs("cause", seen.at, sentence, journal=str(told.cause), asterisk=str(seen.cause))


def _end_told(case: _Case, told: ToldEnd, seen: Seen) -> Iterator[Difference]:
    """Asterisk has no end. That is so when it died with the call, and then nobody knows more than the journal."""
    says = f"{case.moment(told.at)} ({told.outcome})"
    if seen.cut is not None and told.at < seen.cut - WITHIN:
        other = case.moment(seen.cut)
        sentence = f"it ended at {says} in the journal, Asterisk still had it when it died after {other}"
        yield case.differs("no_end_in_asterisk", told.at, sentence, journal=says, asterisk=other)
    elif seen.cut is None and told.outcome != LOST:
        sentence = f"it ended at {says} in the journal, Asterisk has no end"
        yield case.differs("no_end_in_asterisk", told.at, sentence, journal=says)


def _fallback(case: _Case, told: ToldEnd, seen: Seen) -> Iterator[Difference]:
    """Whether somebody answered in the fallback; who was there for a moment only may be missing."""
    if told.outcome == FALLBACK and seen.in_fallback is None:
        sentence = "the fallback answered it in the journal, not in Asterisk"
        yield case.differs("fallback", told.at, sentence, journal=FALLBACK)
    elif told.outcome not in {FALLBACK, LOST} and seen.in_fallback is not None and seen.in_fallback >= BRIEF:
        sentence = f"the fallback answered it in Asterisk, its outcome is {told.outcome} in the journal"
        yield case.differs("fallback", told.at, sentence, journal=told.outcome, asterisk=FALLBACK)
