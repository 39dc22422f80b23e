"""The judge: was a caller dropped, left without an answer or in silence, is a line of the journal lost or doubled?

It knows what the phones saw and heard, what the journal says, and what was left in Asterisk at the end. It believes
nothing that the application says of itself. Pure: evidence in, findings out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Final

from ari_app.domain.facts import Record

SILENCE_SECONDS: Final = 1.0
"""A caller who hears nothing for longer believes to have been cut off."""

RECORDING_MAY_LACK: Final = 1.0
"""Seconds: it is begun and ended a moment beside the line, and packets come late."""

BEGINNING, END, ANSWER = "call.received", "call.ended", "call.answered"

ONCE: Final = (BEGINNING, END, "call.abandoned", "call.closed", "call.recorded", "call.fallback", "complaint.opened")
"""What happens to a call once at most; a line too many is one that was written twice."""

KEYED, RELEASED = "radio.keyed", "radio.released"

DESK_ANSWERED: Final = frozenset({"answered", "fallback"})
"""The outcomes of a call in which somebody at a desk answered."""

LOST: Final = "lost"
"""The outcome of a call that ended together with Asterisk."""

_BEFORE_ANSWER: Final = frozenset({"call.offered", "call.queued", "call.requeued", "call.fallback"})
"""Behind one of these the same desk may answer the call again."""

_SENT_AWAY: Final = frozenset({"turned_away"})
"""The outcomes of a call that the software may end of itself (SOP VIII: too many blocked callers wait)."""

_CLOSED: Final = frozenset({"call.closed", "prank.marked"})
"""What an operator does to end a call."""


class Flaw(StrEnum):
    """What can be wrong."""

    DROPPED = "dropped"
    UNANSWERED = "unanswered"
    SILENT = "silent"
    LOST = "lost"
    DOUBLED = "doubled"
    LEFT_OVER = "left over"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in one sentence."""

    flaw: Flaw
    what: str


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of time, in seconds since the epoch."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A call as the caller's telephone saw it; ``number`` is the caller's own, and no other call has it.

    ``reached``: Asterisk said something to it, so it counts as begun. ``answered``: the line was, be it by an
    announcement; ``served``: a desk was. ``by`` is who ended it: ``caller``, ``other`` or ``""``, nobody yet.
    ``excused``: something that the software cannot help ended it, as the end of Asterisk itself.
    ``desk_left``: the person at the desk hung up. ``quiet`` is when nothing could be heard on an answered line;
    ``talked`` for how many seconds that line sent and received sound.
    """

    number: str
    reached: bool = True
    answered: bool = False
    served: bool = False
    by: str = ""
    excused: bool = False
    desk_left: bool = False
    quiet: Sequence[Spell] = ()
    talked: float = 0.0


@dataclass(frozen=True, slots=True)
class Promise:
    """Something that had to happen within ``limit`` seconds; ``took`` is None when it did not happen at all.

    ``flaw`` is what it is if it does not happen.
    """

    what: str
    limit: float
    took: float | None
    flaw: Flaw = Flaw.UNANSWERED


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is judged.

    ``acknowledged`` are number and hash of every line that somebody had read while it all went on; ``problems`` what
    ``siaga journal verify`` found; ``left`` the channels and bridges that were there when every call was over.
    ``strangers``: others have called, too, of whom nothing is known; their stories must be whole all the same.
    ``asterisk_died``: calls died with it.
    """

    calls: Sequence[CallSeen]
    records: Sequence[Record]
    acknowledged: Mapping[int, str] = field(default_factory=dict)
    problems: Sequence[str] = ()
    left: Sequence[str] = ()
    promises: Sequence[Promise] = ()
    silence_limit: float = SILENCE_SECONDS
    strangers: bool = False
    recorded: Mapping[str, float] = field(default_factory=dict)
    asterisk_died: bool = False


def judge(evidence: Evidence) -> list[Finding]:
    """Everything that is wrong; nothing when all is well."""
    stories = stories_by_number(evidence.records)
    findings: list[Finding] = []
    for call in evidence.calls:
        told = stories.get(call.number, [])
        findings += _judge_call(call, told, evidence.silence_limit)
        findings += _judge_stories(call, told)
        findings += _judge_lost(call, told, asterisk_died=evidence.asterisk_died)
        findings += _judge_recording(call, told, evidence.recorded)
    for number in stories.keys() - {call.number for call in evidence.calls}:
        findings += _judge_unknown(number, stories[number], strangers=evidence.strangers)
    findings += _judge_lines(evidence)
    findings += _judge_air(evidence.records)
    findings += [Finding(Flaw.LEFT_OVER, each) for each in evidence.left]
    for promise in evidence.promises:
        findings += _judge_promise(promise)
    return findings


def stories_by_number(records: Iterable[Record]) -> dict[str, list[list[Record]]]:
    """All calls of the journal, each as its lines in order, by the caller's number as the trunk gave it.

    A call without a beginning is under the number ``""``.
    """
    by_call: dict[str, list[Record]] = {}
    for record in records:
        if record.call is not None:
            by_call.setdefault(record.call, []).append(record)
    found: dict[str, list[list[Record]]] = {}
    for story in by_call.values():
        begun = [record for record in story if record.action == BEGINNING]
        found.setdefault(str(begun[0].data.get("number_raw", "")) if begun else "", []).append(story)
    return found


def quiet_spells(loud: Sequence[float], start: float, end: float, *, longer_than: float) -> list[Spell]:
    """The stretches between ``start`` and ``end`` in which nothing was heard for longer than so many seconds.

    ``loud`` are the moments at which something audible arrived, in order.
    """
    heard = [at for at in loud if start <= at <= end]
    return [Spell(a, b) for a, b in pairwise([start, *heard, end]) if b - a > longer_than]


def _judge_call(call: CallSeen, stories: Sequence[Sequence[Record]], silence_limit: float) -> Iterable[Finding]:
    actions = {record.action for story in stories for record in story}
    outcomes = {_outcome(story) for story in stories}
    has_reason = call.excused or call.desk_left or bool(actions & _CLOSED) or bool(outcomes & _SENT_AWAY)
    if call.by == "other" and not has_reason:
        yield Finding(Flaw.DROPPED, f"{call.number} was hung up on without an operator's doing")
    for spell in call.quiet:
        if spell.seconds > silence_limit:
            yield Finding(Flaw.SILENT, f"{call.number} heard nothing for {spell.seconds:.1f} s")


def _judge_stories(call: CallSeen, stories: Sequence[Sequence[Record]]) -> Iterable[Finding]:
    if not stories:
        if call.reached:
            yield Finding(Flaw.LOST, f"{call.number}: the journal knows of no such call")
        return
    if len(stories) > 1:
        yield Finding(Flaw.DOUBLED, f"{call.number} called once and is in the journal {len(stories)} times")
    for story in stories:
        yield from _judge_story(call, story)


def _judge_story(call: CallSeen, story: Sequence[Record]) -> Iterable[Finding]:
    actions = [record.action for record in story]
    counts = Counter(actions)
    for action in ONCE:
        if counts[action] > 1:
            yield Finding(Flaw.DOUBLED, f"{call.number}: {action} is there {counts[action]} times")
    yield from (Finding(Flaw.DOUBLED, f"{call.number}: desk {desk} answers twice") for desk in _twice(story))
    if not counts[END]:
        yield Finding(Flaw.LOST, f"{call.number}: no {END}, the last line is {actions[-1]}")
    elif actions[-1] != END and not set(actions[actions.index(END) :]) <= _AFTERWARDS:
        yield Finding(Flaw.DOUBLED, f"{call.number}: {actions[-1]} after {END}")
    if actions[0] != BEGINNING:
        yield Finding(Flaw.LOST, f"{call.number}: the story begins with {actions[0]}")
    if call.served and counts[END] and not _tells_of_answer(story):
        yield Finding(Flaw.LOST, f"{call.number} was answered at a desk, and the journal says {_outcome(story)}")
    if not call.served and _outcome(story) in DESK_ANSWERED and not call.answered:
        yield Finding(Flaw.DOUBLED, f"{call.number}: the journal has an answer that the caller never got")


def _twice(story: Sequence[Record]) -> Iterable[str]:
    """Desks that answer while they have the caller already."""
    desk: str | None = None
    for record in story:
        if record.action in _BEFORE_ANSWER:
            desk = None
        elif record.action == ANSWER:
            before, desk = desk, str(record.data.get("desk"))
            if desk == before:
                yield desk


def _judge_lost(call: CallSeen, stories: Sequence[Sequence[Record]], *, asterisk_died: bool) -> Iterable[Finding]:
    lived = call.served or call.by == "caller"
    if lived and not asterisk_died and any(_outcome(story) == LOST for story in stories):
        yield Finding(Flaw.LOST, f"{call.number} lived, and the journal says {LOST}")


def _judge_recording(
    call: CallSeen, stories: Sequence[Sequence[Record]], recorded: Mapping[str, float]
) -> Iterable[Finding]:
    there = max((recorded.get(str(story[0].call), 0.0) for story in stories), default=0.0)
    if stories and not call.excused and call.talked - there > RECORDING_MAY_LACK:
        yield Finding(Flaw.LOST, f"{call.number} was {call.talked:.1f} s on the line, {there:.1f} s of it are recorded")


_AFTERWARDS: Final = frozenset(
    {END, "complaint.edited", "complaint.closed", "complaint.reopened", "prank.unmarked", "prank.marked"}
    | {"number.blocked", "number.unblocked"}
)
"""What may be told of a call that is over: work on its complaint and its number."""


def _tells_of_answer(story: Sequence[Record]) -> bool:
    return _outcome(story) in DESK_ANSWERED or any(record.action == ANSWER for record in story)


def _outcome(story: Sequence[Record]) -> str:
    ended = [record for record in story if record.action == END]
    return str(ended[-1].data.get("outcome")) if ended else ""


def _judge_unknown(number: str, stories: Sequence[Sequence[Record]], *, strangers: bool) -> Iterable[Finding]:
    for story in stories:
        if strangers:
            yield from _judge_story(CallSeen(number or "somebody", answered=True), story)
        else:
            actions = ", ".join(record.action for record in story)
            yield Finding(Flaw.DOUBLED, f"nobody called as {number!r}, and the journal has {actions}")


def _judge_lines(evidence: Evidence) -> Iterable[Finding]:
    there = {record.seq: record.hash for record in evidence.records}
    for seq, known in sorted(evidence.acknowledged.items()):
        if there.get(seq) != known:
            state = "is gone" if seq not in there else "is another one now"
            yield Finding(Flaw.LOST, f"line {seq} of the journal, which had been read, {state}")
    for before, after in pairwise(record.seq for record in evidence.records):
        if after != before + 1:
            yield Finding(Flaw.LOST, f"the journal goes from line {before} to line {after}")
    yield from (Finding(Flaw.LOST, f"siaga journal verify: {problem}") for problem in evidence.problems)


def _judge_air(records: Iterable[Record]) -> Iterable[Finding]:
    """Each transmission has one end, as each call has."""
    counts = Counter((record.action, str(record.data.get("transmission"))) for record in records)
    for transmission in {each for action, each in counts if action in {KEYED, RELEASED}}:
        keyed, released = counts[KEYED, transmission], counts[RELEASED, transmission]
        if keyed > 1 or released > 1:
            yield Finding(Flaw.DOUBLED, f"{transmission}: {keyed} times {KEYED}, {released} times {RELEASED}")
        elif keyed != released:
            yield Finding(Flaw.LOST, f"{transmission}: no {RELEASED if keyed else KEYED}")


def _judge_promise(promise: Promise) -> Iterable[Finding]:
    if promise.took is None:
        yield Finding(promise.flaw, f"{promise.what}: not at all")
    elif promise.took > promise.limit:
        yield Finding(Flaw.LATE, f"{promise.what}: after {promise.took:.2f} s in place of {promise.limit:g} s")
