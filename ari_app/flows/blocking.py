"""The block list while the application runs: marks, blocks, and what supervisors change in it (SOP VII.f, VIII).

Every change is a fact first, and the list is folded from the facts that were told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import anyio
import anyio.lowlevel
import anyio.to_thread
import structlog
from pydantic import Field, StringConstraints

from ari_app.domain.blocklist import (
    ACTIONS,
    UNBLOCKED,
    BlockList,
    BlockRefused,
    BlockRules,
    CallStory,
    NumberRules,
    Reason,
    blockable,
    is_number,
    note_text,
)
from ari_app.domain.commands import Handler
from ari_app.domain.facts import Fact, Json
from ari_app.flows.office import Arguments, command

MOST_AT_ONCE: Final = 1000
"""Numbers in one request of an import."""

PATIENCE_SECONDS: Final = 4.0
"""So long a command waits for the list that is still being read from disk."""

FLUSH_SECONDS: Final = 4.0
_TURN: Final = 25
"""Numbers of an import between two turns of everybody else."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Marked:
    """A living call has its mark: whether its talk is closed for it, and whether its number got blocked with it."""

    is_closing: bool
    has_blocked: bool


class Blocking:
    """Who is blocked. Until the list from before is ``loaded``, nobody is: a caller is served, not kept waiting."""

    def __init__(self, tell: Callable[[Fact], None], rules: BlockRules, clock: Callable[[], float] = time.time) -> None:
        """``tell`` is the journal's and everybody's, ``note`` of this one among them; ``clock`` in s since 1970."""
        self.list = BlockList(rules)
        self.clock = clock
        self.on_unblocked: Callable[[str], None] = lambda _: None
        """Is told of every number that is not blocked any more."""
        self.on_loaded: Callable[[], None] = lambda: None
        """Is told when the list from before is there."""
        self._tell = tell
        self._loaded = anyio.Event()
        self._early: list[tuple[Fact, float]] = []

    async def wait_until_loaded(self) -> None:
        """Return when the list from before is there."""
        await self._loaded.wait()

    def note(self, fact: Fact) -> None:
        """Take note of a fact that was told: cheap, and it never raises."""
        if fact.action not in ACTIONS:
            return
        try:
            now = self.clock()
            if not self._loaded.is_set():
                self._early.append((fact, now))
            self.list.note(fact, now)
            if fact.action == UNBLOCKED:
                self.on_unblocked(str(fact.data.get("number")))
        except Exception as error:  # noqa: BLE001 - who tells a fact has a call in its hands
            log.error("blocking.not_noted", action=fact.action, error=type(error).__name__)

    def loaded(self, block_list: BlockList) -> None:
        """Take the list from before, with what was told since the start; what it owes is told.

        That some of it is in the list already does no harm: noted again in order, the facts come to the same.
        """
        for fact, at in self._early:
            block_list.note(fact, at)
        self._early.clear()
        self.list = block_list
        self._loaded.set()
        # Whoever marked for the last time needed was killed before the block was told.
        for number in list(block_list.owing(self.clock())):
            count = len(block_list.marks(number, self.clock()))
            self._tell(block_list.block_for_pranks(number, count))
        self.on_loaded()

    # ---- for the call flows ----------------------------------------------------------------------

    def is_blocked(self, number: str | None) -> bool:
        """Whether a caller (E.164; None: withheld) is blocked now."""
        return self.list.is_blocked(number, self.clock())

    def is_free(self, number: str | None) -> bool:
        """Whether a caller is known not to be blocked, which nobody is before the list is there."""
        return self._loaded.is_set() and not self.is_blocked(number)

    def pranks(self, number: str) -> int:
        """How many marks count against a number now (SOP VIII)."""
        return len(self.list.marks(number, self.clock()))

    def mark(self, call: str, number: str | None, actor: str, **data: Json) -> bool:
        """SOP VII.f: a mark against the number of a call, at most one a call; True: with it the number got blocked."""
        try:
            facts = self.list.mark(call, number, actor, self.clock(), **data)
        except BlockRefused:
            return False
        self.tell(facts)
        return any(fact.action == "number.blocked" for fact in facts)

    def unblock(self, number: str, actor: str, *, call: str | None, reason: Reason = Reason.VERIFIED) -> bool:
        """SOP VIII: an operator has verified the caller; False: the number was not blocked."""
        try:
            self.tell(self.list.unblock(number, actor, self.clock(), reason, call=call))
        except BlockRefused:
            return False
        return True

    def end_expired(self, number: str | None, call: str | None) -> None:
        """Tell that a number's block has ended by itself, if it has."""
        self.tell(self.list.end_expired(number, self.clock(), call))

    def tell(self, facts: Collection[Fact]) -> None:
        """Tell these facts, in order."""
        for fact in facts:
            self._tell(fact)


# ---- commands --------------------------------------------------------------------------------------

CallId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,150}$")]


class _Number(Arguments):
    number: str
    note: str | None = None


class _Mark(Arguments):
    call: CallId
    note: str | None = None


class _Unmark(Arguments):
    call: CallId
    reason: str


_Line: TypeAlias = Annotated[tuple[str, str | None], Field(strict=False)]  # JSON has lists only


class _Import(Arguments):
    numbers: Annotated[list[_Line], Field(max_length=MOST_AT_ONCE)]
    dry_run: bool = False


class BlockDesk:
    """What supervisors can have done with the block list; it raises ``BlockRefused``."""

    def __init__(
        self,
        blocking: Blocking,
        *,
        find: Callable[[str], CallStory | None],
        mark_living: Callable[[str, str, str | None], Marked | None],
        flush: Callable[[float], bool],
        rules: NumberRules,
    ) -> None:
        """``find`` tells of a call; it and ``flush`` are called in a worker thread, as they may wait.

        ``flush`` is the journal's: whether all that was told is on disk, within so many seconds.
        ``mark_living`` marks a call and has its flow close it (call, actor, note); None: no flow has the call.
        """
        self._blocking = blocking
        self._find = find
        self._mark_living = mark_living
        self._flush = flush
        self._rules = rules
        self._one_at_a_time = anyio.Lock()  # from the reading of a call to the telling

    async def add(self, given: _Number, actor: str) -> Json:
        """``block.add``: block a number, whatever marks it has."""
        number, note = self._number(given.number), note_text(given.note)
        now = await self._ready()
        self._blocking.tell(self._blocking.list.block(number, actor, now, Reason.SUPERVISOR, note))
        return {"number": number}

    async def remove(self, given: _Number, actor: str) -> Json:
        """``block.remove``: unblock a number; its marks so far count no more."""
        note = note_text(given.note)
        now = await self._ready()
        # What was blocked by older rules is not refused as no number: it could never be unblocked.
        is_listed = is_number(given.number) and self._blocking.list.is_blocked(given.number, now)
        number = given.number if is_listed else self._number(given.number)
        self._blocking.tell(self._blocking.list.unblock(number, actor, now, Reason.SUPERVISOR, note=note))
        return {"number": number}

    async def mark(self, given: _Mark, actor: str) -> Json:
        """``block.mark``: as ``*7`` at the desk while the call lives; afterwards only the mark (SOP VII.f).

        ``living``: the talk is being closed; ``blocked``: the mark blocked the number.
        """
        note = note_text(given.note)
        await self._ready()
        async with self._one_at_a_time:
            self._refuse_second(given.call, is_marked=False)
            done = self._mark_living(given.call, actor, note)
            if done is not None:
                return {"call": given.call, "living": done.is_closing, "blocked": done.has_blocked}
            story = await self._story(given.call)
            self._refuse_second(given.call, is_marked=story.is_marked)
            data: dict[str, Json] = {} if note is None else {"note": note}
            blocked = self._blocking.mark(given.call, story.caller, actor, **data)
            return {"call": given.call, "living": False, "blocked": blocked}

    async def unmark(self, given: _Unmark, actor: str) -> Json:
        """``block.unmark``: a mark was an error. A block that rested on it ends; the journal keeps both."""
        reason = note_text(given.reason)
        if reason is None:
            raise BlockRefused("a reason is needed")
        await self._ready()
        async with self._one_at_a_time:
            story = await self._story(given.call)
            if not story.is_marked:
                raise BlockRefused(f"call {given.call} is not marked")
            facts = self._blocking.list.unmark(given.call, story.caller, actor, reason, self._blocking.clock())
            self._blocking.tell(facts)
            return {"call": given.call, "unblocked": any(fact.action == "number.unblocked" for fact in facts)}

    async def import_(self, given: _Import, actor: str) -> Json:
        """``block.import``: block these numbers; ``changed`` and ``refused`` are places in the list, from 0.

        Who is blocked already stays as they are. With ``dry_run`` nothing is told. The answer comes when it is on disk:
        so the next request waits for that, and who asks again whether it is there does, too.
        """
        await self._ready()
        changed: list[Json] = []
        refused: list[Json] = []
        seen: set[str] = set()
        for place, (entered, entered_note) in enumerate(given.numbers):
            if place % _TURN == _TURN - 1:
                await anyio.lowlevel.checkpoint()
            try:
                number, note = self._number(entered), note_text(entered_note)
            except BlockRefused as error:
                refused.append([place, str(error)])
                continue
            if number in seen:
                continue
            try:
                facts = self._blocking.list.block(number, actor, self._blocking.clock(), Reason.IMPORT, note)
            except BlockRefused:
                continue  # it is blocked already
            seen.add(number)
            changed.append(place)
            if not given.dry_run:
                self._blocking.tell(facts)
        if not given.dry_run and not await anyio.to_thread.run_sync(self._flush, FLUSH_SECONDS):
            raise BlockRefused(
                "the disk does not take what was changed: the last numbers are blocked, but not yet written down;"
                " see `siaga doctor`, then import the file again"
            )
        unchanged = len(given.numbers) - len(changed) - len(refused)
        return {"blocked": len(changed), "unchanged": unchanged, "changed": changed, "refused": refused}

    async def _ready(self) -> float:
        """The moment, once the list from before is there."""
        with anyio.move_on_after(PATIENCE_SECONDS) as waited:
            await self._blocking.wait_until_loaded()
        if waited.cancelled_caught:
            raise BlockRefused("the block list is still being read: try again in a moment")
        return self._blocking.clock()

    def _number(self, entered: str) -> str:
        return blockable(entered, self._rules)

    async def _story(self, call: str) -> CallStory:
        story = await anyio.to_thread.run_sync(self._find, call)
        if story is None:
            raise BlockRefused(f"there is no call {call} to 110: see `siaga calls list`")
        return story

    def _refuse_second(self, call: str, *, is_marked: bool) -> None:
        if is_marked or self._blocking.list.is_marked(call):
            raise BlockRefused(f"call {call} is marked already")


def block_commands(
    blocking: Blocking,
    *,
    find: Callable[[str], CallStory | None],
    mark_living: Callable[[str, str, str | None], Marked | None],
    flush: Callable[[float], bool],
    rules: NumberRules,
) -> dict[str, Handler]:
    """The commands ``block.*`` with their handlers; they raise ``BlockRefused``."""
    desk = BlockDesk(blocking, find=find, mark_living=mark_living, flush=flush, rules=rules)
    return {
        "block.add": command(_Number, desk.add),
        "block.remove": command(_Number, desk.remove),
        "block.mark": command(_Mark, desk.mark),
        "block.unmark": command(_Unmark, desk.unmark),
        "block.import": command(_Import, desk.import_),
    }
