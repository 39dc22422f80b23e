"""The marks for pranks and the block list: SOP VII.f and VIII.

A pure fold: ``BlockList.note`` takes every fact that was told, and the questions are answered from what it took.
Nothing is decided by a clock of its own: ``now`` is given, in seconds since 1970.

::

    mark ──▶ prank.marked ─── the fifth ──▶ number.blocked ──▶ operator's *8, supervisor, expiry ──▶ number.unblocked
                 ▲                                                                                         │
                 └── prank.unmarked: the mark does not count any more                    the marks so far count no more
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Final, TypeGuard

from ari_app.domain.commands import CommandRefused
from ari_app.domain.entered import LONGEST, is_grouped, why_not
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.mark_book import Mark, MarkBook
from ari_app.domain.number_set import MOST_DIGITS, NumberSet
from ari_app.domain.numbers import e164
from ari_app.domain.one_line import one_line

DAY: Final = 86_400.0

MARKED, UNMARKED = "prank.marked", "prank.unmarked"
BLOCKED, UNBLOCKED = "number.blocked", "number.unblocked"
ACTIONS: Final = (MARKED, UNMARKED, BLOCKED, UNBLOCKED)
"""All that the block list is folded from."""

LONGEST_NOTE: Final = 200

MOST_MARKS: Final = 1000
"""Marks that are kept of one number, the newest; no site's rules ask for more."""

REMEMBERED: Final = 20_000
"""Marked calls that are remembered, the newest: calls that still live are among them. The journal knows all."""


class Reason(StrEnum):
    """Why a number is blocked, or is not any more."""

    PRANKS = "pranks"
    """It was marked as often as the site's rules have it (SOP VIII: five times)."""
    SUPERVISOR = "supervisor"
    IMPORT = "import"
    VERIFIED = "verified"
    """An operator has verified the caller (SOP VIII)."""
    EXPIRED = "expired"
    UNMARKED = "unmarked"
    """A mark on which the block rested was taken back; the other marks still count."""


class BlockRefused(CommandRefused):
    """It cannot be done with this number or call; the text is one sentence. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class BlockRules:
    """SOP VIII, as a site has it.

    ``pranks`` is how many marks block a number; ``window_days`` after how many days a mark counts no more, and
    ``expire_days`` after how many a block ends: 0 is never.
    """

    pranks: int = 5
    window_days: int = 0
    expire_days: int = 0

    def counts(self, at: float, now: float) -> bool:
        """Whether a mark of one moment counts at another (seconds since 1970)."""
        return not self.window_days or now - at < self.window_days * DAY

    def is_over(self, since: float, now: float) -> bool:
        """Whether a block that began at one moment has ended by itself at another (seconds since 1970)."""
        return 0 < self.expire_days * DAY <= now - since

    def are_enough(self, moments: Iterable[float]) -> bool:
        """Whether marks of these moments have ever blocked a number: at one of them enough counted."""
        in_order = sorted(moments)
        return any(map(self.counts, in_order, in_order[self.pranks - 1 :]))


@dataclass(frozen=True, slots=True)
class CallStory:
    """What the journal tells of a call to 110: who called (E.164; None: withheld), and whether it has a mark."""

    caller: str | None
    is_marked: bool


class BlockList:
    """Which numbers are marked and blocked. Numbers are E.164; callers without one have marks, and no block."""

    def __init__(self, rules: BlockRules) -> None:
        """Nobody is."""
        self.rules = rules
        self._marks = MarkBook()
        self._marked_calls: dict[str, None] = {}
        self._blocked = NumberSet()
        self._by_pranks = NumberSet()

    # ---- what is so ------------------------------------------------------------------------------

    def is_blocked(self, number: str | None, now: float) -> bool:
        """Whether a number is blocked at this moment."""
        if number is None:
            return False
        since = self._blocked.since(number)
        return since is not None and not self.rules.is_over(since, now)

    def is_expired(self, number: str, now: float) -> bool:
        """Whether a number's block has come to its end by itself, and that is still to be told."""
        since = self._blocked.since(number) if self.rules.expire_days else None
        return since is not None and self.rules.is_over(since, now)

    def blocked_since(self, number: str, now: float) -> float | None:
        """When a number was blocked (seconds since 1970); None: it is not."""
        return self._blocked.since(number) if self.is_blocked(number, now) else None

    def marks(self, number: str, now: float) -> list[Mark]:
        """The marks that count against a number, oldest first."""
        return [mark for mark in self._marks.of(number) if self.rules.counts(mark.at, now)]

    def is_marked(self, call: str) -> bool:
        """Whether a call has a mark that was not taken back, however things stand with its number.

        The last ``REMEMBERED`` are known here; of an older call the journal has to be asked (``CallStory``).
        """
        return call in self._marked_calls

    def __len__(self) -> int:
        """How many numbers are blocked, those included whose end is still to be told."""
        return len(self._blocked)

    def owing(self, now: float) -> Iterator[str]:
        """The numbers that have marks enough and no block: whoever was to tell it died before."""
        enough = self.rules.pranks
        for number in list(self._marks.with_at_least(enough)):
            if number not in self._blocked and len(self.marks(number, now)) >= enough:
                yield number

    # ---- what is to be told ----------------------------------------------------------------------

    def mark(self, call: str, number: str | None, actor: str, now: float, **data: Json) -> list[Fact]:
        """SOP VIII: one mark against the number of a call; the block as well, if this is the last one needed.

        Raises:
            BlockRefused: the call has a mark already.
        """
        if self.is_marked(call):
            raise BlockRefused(f"call {call} is marked already")
        given = {name: value for name, value in data.items() if value is not None}
        ended = self.end_expired(number, now, call)
        facts = [*ended, Fact(actor, MARKED, call, {"number": number, **given})]
        if number is None or (number in self._blocked and not ended):
            return facts
        count = 1 if ended else len(self.marks(number, now)) + 1  # with the block its marks have ended
        if count >= self.rules.pranks:
            facts.append(self.block_for_pranks(number, count, call))
        return facts

    def block_for_pranks(self, number: str, count: int, call: str | None = None) -> Fact:
        """SOP VIII: "maka nomor akan otomatis terblokir"."""
        return Fact("system", BLOCKED, call, {"number": number, "reason": Reason.PRANKS.value, "marks": count})

    def unmark(self, call: str, number: str | None, actor: str, reason: str, now: float) -> list[Fact]:
        """The mark of a call, against this number, was an error; a block that rested on it ends.

        It did where the number, had that mark never been made, would not have been blocked: neither then, by the marks
        that counted at that moment, nor by those that were made since.
        """
        facts = [
            *self.end_expired(number, now, call),
            Fact(actor, UNMARKED, call, {"number": number, "reason": reason}),
        ]
        if len(facts) == 1 and number is not None and self._rests_on(call, number):
            facts.append(Fact(actor, UNBLOCKED, call, {"number": number, "reason": Reason.UNMARKED.value}))
        return facts

    def _rests_on(self, call: str, number: str) -> bool:
        """Whether a number is blocked by pranks, and would not be without the mark of this call."""
        since, marks = self._by_pranks.since(number), self._marks.of(number)
        mine = next((mark for mark in marks if mark.call == call), None)
        if since is None or mine is None or self.rules.are_enough(mark.at for mark in marks if mark is not mine):
            return False
        # Where not even all are enough the rules are others now; then it rests on those from before it (whole seconds).
        return mine.at < since + 1 or self.rules.are_enough(mark.at for mark in marks)

    def block(self, number: str, actor: str, now: float, reason: Reason, note: str | None = None) -> list[Fact]:
        """Block a number, whatever marks it has.

        Raises:
            BlockRefused: it is blocked already.
        """
        if self.is_blocked(number, now):
            raise BlockRefused(f"{number} is blocked already")
        facts = self.end_expired(number, now, None)
        data: dict[str, Json] = {"number": number, "reason": reason.value}
        facts.append(Fact(actor, BLOCKED, None, data | ({"note": note} if note else {})))
        return facts

    def unblock(  # noqa: PLR0913 - who, whom, when, why; and in which call
        self, number: str, actor: str, now: float, reason: Reason, *, call: str | None = None, note: str | None = None
    ) -> list[Fact]:
        """Unblock a number; its marks so far count no more.

        Raises:
            BlockRefused: it is not blocked.
        """
        if not self.is_blocked(number, now):
            raise BlockRefused(f"{number} is not blocked")
        data: dict[str, Json] = {"number": number, "reason": reason.value}
        return [Fact(actor, UNBLOCKED, call, data | ({"note": note} if note else {}))]

    def end_expired(self, number: str | None, now: float, call: str | None) -> list[Fact]:
        """That a number's block has ended by itself, where that is still to be told."""
        if number is None or not self.is_expired(number, now):
            return []
        return [Fact("system", UNBLOCKED, call, {"number": number, "reason": Reason.EXPIRED.value})]

    # ---- the fold --------------------------------------------------------------------------------

    def note(self, told: Fact | Record, now: float) -> None:
        """Take note of a fact; ``now`` is its moment where it has none. Others, and damaged ones, change nothing."""
        if told.action not in ACTIONS:
            return
        number = told.data.get("number")
        if number is not None and not is_number(number):
            return
        at = moment(told, now)
        if told.action == MARKED:
            self._note_mark(told.call, number, at)
        elif told.action == UNMARKED:
            self._drop_mark(told.call, number)
        elif number is not None and told.action == BLOCKED:
            self._blocked.add(number, at)
            if told.data.get("reason") == Reason.PRANKS:
                self._by_pranks.add(number, at)
            else:
                self._by_pranks.discard(number)
        elif number is not None:
            self._blocked.discard(number)
            self._by_pranks.discard(number)
            if told.data.get("reason") != Reason.UNMARKED:
                self._marks.put(number, ())

    def _note_mark(self, call: str | None, number: str | None, at: float) -> None:
        if call is None:
            return
        self._remember(call)
        if number is None:
            return  # those of callers without a number are for the statistics only
        marks = self._marks.of(number)
        if all(mark.call != call for mark in marks):
            if number not in self._by_pranks:  # a block rests on its marks, however old they get
                marks = [mark for mark in marks if self.rules.counts(mark.at, at)]
            marks = sorted([*marks, Mark(call, at)], key=attrgetter("at"))  # one that is noted again may be old
            self._marks.put(number, marks[-MOST_MARKS:])

    def _remember(self, call: str) -> None:
        self._marked_calls[call] = None
        if len(self._marked_calls) > REMEMBERED:
            del self._marked_calls[next(iter(self._marked_calls))]

    def _drop_mark(self, call: str | None, number: str | None) -> None:
        if call is None:
            return
        self._marked_calls.pop(call, None)
        if number is not None:
            self._marks.put(number, [mark for mark in self._marks.of(number) if mark.call != call])

    # ---- from before -----------------------------------------------------------------------------

    def restore(self, blocked: NumberSet, by_pranks: NumberSet, marks: Iterable[tuple[str, list[Mark]]]) -> None:
        """Take up how things stood, at a fraction of the cost of noting all facts again. The list must be empty."""
        self._blocked, self._by_pranks = blocked, by_pranks
        for number, each in marks:
            self._marks.put(number, each)

    def restore_calls(self, calls: Iterable[str]) -> None:
        """Take up which calls were marked lately, the newest last."""
        for call in deque(calls, REMEMBERED):
            self._remember(call)


@dataclass(frozen=True, slots=True)
class NumberRules:
    """What depends on the site: whose national and local numbers there are, and which are its own."""

    region: str
    area_code: str = ""
    emergency_numbers: Collection[str] = ()


def blockable(entered: str, rules: NumberRules) -> str:
    """A number that somebody entered, as callers' numbers are written: E.164, or a short code's digits.

    What may be another number than the one that was meant is refused (``entered.why_not``).

    Raises:
        BlockRefused: it is none, not one alone, or one of the site's own.
    """
    reason = why_not(entered)
    number = e164(entered.strip(), rules.region, rules.area_code) if reason is None else None
    if number is None or len(number.removeprefix("+")) > MOST_DIGITS:
        raise BlockRefused(f"{entered[:LONGEST]!a} {reason or 'is no telephone number'}")
    if not number.startswith("+") and is_grouped(entered):  # a short code has no groups: there is something beside it
        raise BlockRefused(f"{entered!a} is no telephone number that there is: enter its digits alone")
    if number in rules.emergency_numbers:
        raise BlockRefused(f"{number} is an emergency number of this site and cannot be blocked")
    return number


def note_text(value: str | None) -> str | None:
    """A note or a reason as one line; None: nothing was said.

    Raises:
        BlockRefused: it is too long, or cannot be shown.
    """
    text = one_line(value, LONGEST_NOTE)
    if text is None:
        raise BlockRefused(f"a note must be printable and have at most {LONGEST_NOTE} characters")
    return text or None


def is_number(value: object) -> TypeGuard[str]:
    """Whether something is a number as facts have it: E.164, or digits only; at most 17 of them."""
    digits = value.removeprefix("+") if isinstance(value, str) else ""
    return digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS


def moment(told: Fact | Record, otherwise: float) -> float:
    """When a fact happened, in seconds since 1970; ``otherwise`` where it does not say, or its time is damaged."""
    at = told.at
    try:
        if isinstance(at, str):
            at = datetime.fromisoformat(at)
        if at is None:
            return otherwise
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return otherwise
