"""The marks for pranks and the block list: SOP VII.f and VIII.

A pure fold: ``BlockList.note`` takes every fact that was told, and the questions are answered from what it took.
Nothing is decided by a clock of its own: ``now`` is given, in seconds since 1970.

::

    mark ──▶ prank.marked ─── the fifth ──▶ number.blocked ──▶ operator's *8, supervisor, expiry ──▶ number.unblocked
                 ▲                                                                                         │
                 └── prank.unmarked: the mark does not count any more                    the marks so far count no more
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.number_set import NumberSet

DAY: Final = 86_400.0

MARKED, UNMARKED = "prank.marked", "prank.unmarked"
BLOCKED, UNBLOCKED = "number.blocked", "number.unblocked"
ACTIONS: Final = (MARKED, UNMARKED, BLOCKED, UNBLOCKED)
"""All that the block list is folded from."""

LONGEST_NOTE: Final = 200


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
    """A mark on which the block rested was taken back."""


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


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark against a number: in which call, when (seconds since 1970), and by whom."""

    call: str
    at: float
    by: str


class BlockList:
    """Which numbers are marked and blocked. Numbers are E.164; callers without one have marks, and no block."""

    def __init__(self, rules: BlockRules) -> None:
        """Nobody is."""
        self.rules = rules
        self._marks: dict[str, list[Mark]] = {}
        self._by_call: dict[str, str] = {}
        self._blocked = NumberSet()
        self._by_pranks: set[str] = set()

    # ---- what is so ------------------------------------------------------------------------------

    def is_blocked(self, number: str | None, now: float) -> bool:
        """Whether a number is blocked at this moment."""
        if number is None:
            return False
        since = self._blocked.since(number)
        return since is not None and not self._is_over(since, now)

    def is_expired(self, number: str, now: float) -> bool:
        """Whether a number's block has come to its end by itself, and that is still to be told."""
        since = self._blocked.since(number)
        return since is not None and self._is_over(since, now)

    def _is_over(self, since: float, now: float) -> bool:
        return 0 < self.rules.expire_days * DAY <= now - since

    def blocked_since(self, number: str, now: float) -> float | None:
        """When a number was blocked (seconds since 1970); None: it is not."""
        return self._blocked.since(number) if self.is_blocked(number, now) else None

    def marks(self, number: str, now: float) -> list[Mark]:
        """The marks that count against a number, oldest first."""
        window = self.rules.window_days * DAY
        return [mark for mark in self._marks.get(number, ()) if not window or now - mark.at < window]

    def is_marked(self, call: str) -> bool:
        """Whether a call has a mark that counts against its number."""
        return call in self._by_call

    def __len__(self) -> int:
        """How many numbers are blocked, those included whose end is still to be told."""
        return len(self._blocked)

    def owing(self, now: float) -> Iterator[str]:
        """The numbers that have marks enough and no block: whoever was to tell it died before."""
        for number in list(self._marks):
            if number not in self._blocked and len(self.marks(number, now)) >= self.rules.pranks:
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
        """The mark of a call, against this number, was an error; a block that rested on it ends."""
        facts = [Fact(actor, UNMARKED, call, {"number": number, "reason": reason})]
        if number is None or number not in self._by_pranks:
            return facts
        left = sum(1 for mark in self.marks(number, now) if mark.call != call)
        if left < self.rules.pranks:
            facts.append(Fact(actor, UNBLOCKED, call, {"number": number, "reason": Reason.UNMARKED.value}))
        return facts

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
        if number is not None and (not isinstance(number, str) or not _fits(number)):
            return
        at = _moment(told, now)
        if told.action == MARKED:
            self._note_mark(told, number, at)
        elif told.action == UNMARKED:
            self._drop_mark(told.call)
        elif number is not None and told.action == BLOCKED:
            self._blocked.add(number, at)
            (self._by_pranks.add if told.data.get("reason") == Reason.PRANKS else self._by_pranks.discard)(number)
        elif number is not None:
            self._blocked.discard(number)
            self._by_pranks.discard(number)
            for mark in self._marks.pop(number, ()):
                self._by_call.pop(mark.call, None)

    def _note_mark(self, told: Fact | Record, number: str | None, at: float) -> None:
        if told.call is None or number is None or told.call in self._by_call:
            return  # those of callers without a number are for the statistics only
        self._by_call[told.call] = number
        for old in [mark for mark in self._marks.get(number, ()) if mark not in self.marks(number, at)]:
            self._drop_mark(old.call)
        self._marks.setdefault(number, []).append(Mark(told.call, at, told.actor))

    def _drop_mark(self, call: str | None) -> None:
        if call is None or call not in self._by_call:
            return
        number = self._by_call.pop(call)
        left = [mark for mark in self._marks.pop(number, ()) if mark.call != call]
        if left:
            self._marks[number] = left

    def restore_block(self, number: str, since: float, *, by_pranks: bool) -> None:
        """Take up a block from before: as ``note`` of its fact would, at a fraction of the cost."""
        self._blocked.add(number, since)
        if by_pranks:
            self._by_pranks.add(number)


def note_text(value: str | None) -> str | None:
    """A note or a reason as one line; None: nothing was said.

    Raises:
        BlockRefused: it is too long, or cannot be shown.
    """
    text = " ".join((value or "").split())
    if len(text) > LONGEST_NOTE or not text.isprintable():
        raise BlockRefused(f"a note must be printable and have at most {LONGEST_NOTE} characters")
    return text or None


def _fits(number: str) -> bool:
    digits = number.removeprefix("+")
    return digits.isascii() and digits.isdigit() and len(digits) <= 17  # noqa: PLR2004 - as NumberSet keeps them


def _moment(told: Fact | Record, now: float) -> float:
    at: Mapping[str, object] | object = told.at
    if isinstance(at, datetime):
        return at.timestamp() if at.tzinfo is not None else at.replace(tzinfo=UTC).timestamp()
    if isinstance(at, str):
        try:
            return datetime.fromisoformat(at).timestamp()
        except ValueError:
            return now
    return now
