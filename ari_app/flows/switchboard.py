"""The switchboard: which calls wait for a desk, which desks there are, and who gets whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Final, Protocol

import structlog
from msgspec import Struct
from msgspec.structs import replace

from ari_app.ari.errors import InboxFull
from ari_app.domain.desks import (
    POLDA,
    POLRES_PREFIX,
    Desk,
    DeskEvent,
    DeskState,
    Pause,
    is_last_at_work,
    move,
    next_rested,
    pausing,
    with_phone,
)
from ari_app.domain.facts import Fact
from ari_app.domain.queue import Priority, Waiting, assign, is_unserved, next_overflow, to_give_up
from ari_app.flows.messages import DeskReady

REFUSED_SECONDS: Final = 2.0
"""How long a desk that was busy or unreachable is offered nothing: a phone that refuses at once would
otherwise be rung a hundred times a second."""

OWN_TIMER_SECONDS: Final = 0.25
"""Asterisk ends the ringing itself; should it not, we do so this much later."""

log = structlog.get_logger(__name__)


class Staff(Protocol):
    """Who sits where: the roster, as far as the switchboard needs it."""

    def operator_at(self, desk: str) -> str | None:
        """The NRP of the operator who is logged in at a desk."""

    def is_staffed(self, desk: str) -> bool:
        """Whether somebody is there."""

    def is_ready(self, desk: str) -> bool:
        """Whether those who are there are ready for calls."""

    def not_ready(self, desk: str, reason: str, actor: str) -> None:
        """Make a desk not ready."""

    def phone_came(self, desk: str) -> None:
        """The desk's phone has registered."""


class _Entry(Struct):
    """A waiting call with the way to tell it of its desks."""

    waiting: Waiting
    deliver: Callable[[DeskReady], None]
    give_up: Callable[[], None] | None


class Switchboard:
    """Gives waiting calls to the Polda's desks, and knows what every desk is doing.

    A call that waits gets a ``DeskReady`` by ``deliver`` for each desk; from then on the desk is its own until
    ``release``. It stays in the queue until ``withdraw``: when its desk does not answer it gets the next one.
    """

    def __init__(
        self, desks: Mapping[str, str], staff: Staff, tell: Callable[[Fact], None], *, overflow: float = 30.0
    ) -> None:
        """``desks`` is the unit of each extension. All begin away: until Asterisk says which phones are registered.

        ``overflow`` is after how many seconds of waiting every desk rings.
        """
        self._staff = staff
        self._desks = {extension: self._with_staff(Desk(extension, unit)) for extension, unit in desks.items()}
        self._of_unit: dict[str, list[str]] = {}
        for extension, unit in desks.items():
            self._of_unit.setdefault(unit, []).append(extension)
        self._of_call: dict[str, list[str]] = {}
        """The desks that ring or talk for each call: there may be a thousand, and every call asks for its own."""
        self._queue: dict[str, _Entry] = {}
        self._wanted: dict[str, tuple[str, Callable[[DeskReady], None]]] = {}
        self._listeners: dict[str, Callable[[], None]] = {}
        self._unserved: set[str] = set()  # for whom no desk rang when that was looked at last
        self._count = 0
        self._tell = tell
        self._overflow = overflow
        self._wake: asyncio.TimerHandle | None = None

    # ---- desks -----------------------------------------------------------------------------------

    @property
    def desks(self) -> Mapping[str, Desk]:
        """Every desk as it stands."""
        return self._desks

    def of_unit(self, unit: str) -> list[Desk]:
        """The desks of a unit."""
        return [self._desks[extension] for extension in self._of_unit.get(unit, ())]

    def unit_dialled(self, number: str) -> str | None:
        """The Polres that a number stands for (``201``: ``01``); None when there is none with desks."""
        unit = number.removeprefix(POLRES_PREFIX)
        return unit if unit not in {number, POLDA} and self.of_unit(unit) else None

    def hand_on(self, extension: str, call: str) -> None:
        """A desk that is talking goes over to another call."""
        self._put(replace(self._desks[extension], call=call))

    def actor(self, extension: str) -> str:
        """Who acts at a desk, as the journal names them: the operator, or the desk itself."""
        operator = self._staff.operator_at(extension)
        return f"operator:{operator}" if operator else f"desk:{extension}"

    def operator_at(self, extension: str) -> str | None:
        """The NRP of the operator at a desk."""
        return self._staff.operator_at(extension)

    def is_wrapping_up(self, extension: str) -> bool:
        """Whether the desk's operator finishes the work on the last call."""
        desk = self._desks[extension]
        return desk.pause is Pause.WRAP_UP and desk.is_pausing(self._now())

    def phone(self, extension: str, *, registered: bool, asked: float = inf) -> None:
        """The phone of a desk registered, or is no longer.

        ``asked``: so it was found when that was asked for, by the event loop's clock. What has been told of it since
        counts: such an answer may be older, and nothing would put it right.
        """
        desk, now = self._desks.get(extension), self._now()
        if desk is None or asked <= desk.phone_told:
            return
        self._put(with_phone(replace(desk, phone_told=min(now, asked)), registered=registered, now=now))
        if desk.registered == registered:
            return
        self._tell(Fact("asterisk", "desk.registered" if registered else "desk.unregistered", data={"desk": extension}))
        if registered:
            self._staff.phone_came(extension)
            self._free_for_transfer(extension)
        self._match()

    def staff_changed(self, extension: str) -> None:
        """The roster's word on a desk is another than before."""
        if extension in self._desks:
            self._put(self._with_staff(self._desks[extension]))
            self._match()

    def _with_staff(self, desk: Desk) -> Desk:
        staff = self._staff
        return replace(desk, staffed=staff.is_staffed(desk.extension), ready=staff.is_ready(desk.extension))

    def offer(self, extension: str, call: str) -> bool:
        """Take a desk for a call that is to ring there, out of turn; False when its phone cannot ring."""
        if not self._desks[extension].can_ring(self._now()):
            return False
        self._move(extension, DeskEvent.OFFER, call=call)
        return True

    def is_offered(self, extension: str, call: str) -> bool:
        """Whether a desk is a call's, to ring there."""
        desk = self._desks[extension]
        return desk.call == call and desk.state is DeskState.RINGING

    def end_offers(self, call: str) -> None:
        """The call rings nowhere any more: desks that it had not even heard of are free as well."""
        for extension in [each for each in self._desks_of(call) if self.is_offered(each, call)]:
            self.release(extension)

    def take(self, extension: str, call: str, *, verifies: bool = False) -> None:
        """The desk was found talking on ``call``, or dialled itself; unknown and busy ones stay as they are.

        ``verifies``: with the caller of a blocked number, as one of those that may (SOP VIII).
        """
        desk = self._desks.get(extension)
        if desk is not None and desk.state is DeskState.FREE:
            self._move(extension, DeskEvent.TAKE, call=call, verifies=verifies)

    def elsewhere(self, extensions: Collection[str]) -> None:
        """These desks' phones, and no others, are in calls of the dialplan's fallback."""
        changed = [desk for desk in self._desks.values() if desk.elsewhere != (desk.extension in extensions)]
        for desk in changed:
            self._put(replace(desk, elsewhere=not desk.elsewhere))
        for desk in changed:
            self._free_for_transfer(desk.extension)
        if changed:
            self._match()

    def answered(self, extension: str) -> None:
        """The desk took the call that it was offered; who wanted it as well looks anew."""
        self._move(extension, DeskEvent.ANSWER)
        unit = self._desks[extension].unit
        for call, (wanted, deliver) in self._wanted.items():
            if wanted == unit and call != self._desks[extension].call:
                self._tell_wanting(call, deliver, extension)

    def release(self, extension: str, *, refused: bool = False, wrap_up: float = 0.0) -> None:
        """The desk is done with its call. One that refused it is left alone for a moment, one that had it wraps up."""
        if self._desks[extension].state is DeskState.FREE:
            return
        call = self._desks[extension].call
        self._move(extension, DeskEvent.RELEASE)
        if refused:
            self._pause(extension, Pause.REFUSED, REFUSED_SECONDS)
        elif wrap_up > 0:
            self._pause(extension, Pause.WRAP_UP, wrap_up)
            self._tell(Fact("system", "desk.wrapup", data={"desk": extension, "seconds": wrap_up}))
        if call in self._queue:
            self._count_offers(call)
        self._free_for_transfer(extension)
        self._match()

    def end_wrap_up(self, extension: str) -> None:
        """The operator is ready for the next call now."""
        if self.is_wrapping_up(extension):
            self._tell(Fact(self.actor(extension), "desk.free", data={"desk": extension}))
            self._put(pausing(self._desks[extension], Pause.NONE, self._now()))
            self._match()

    def let_it_ring(self, extension: str) -> None:
        """Nobody answered at this desk: it is set not ready, unless nobody else is ready (SOP V.2)."""
        desk = self._desks[extension]
        if desk.is_at_work and not is_last_at_work(extension, self.of_unit(desk.unit)):
            self._staff.not_ready(extension, "no_answer", "system")

    def _pause(self, extension: str, pause: Pause, seconds: float) -> None:
        self._put(pausing(self._desks[extension], pause, self._now() + seconds))

    def _move(self, extension: str, event: DeskEvent, *, call: str | None = None, verifies: bool = False) -> None:
        self._put(move(self._desks[extension], event, now=self._now(), call=call, verifies=verifies))

    def _put(self, desk: Desk) -> None:
        """A desk as it stands now."""
        before, self._desks[desk.extension] = self._desks[desk.extension].call, desk
        if before == desk.call:
            return
        if before is not None:
            self._of_call[before].remove(desk.extension)
            if not self._of_call[before]:
                del self._of_call[before]
        if desk.call is not None:
            self._of_call.setdefault(desk.call, []).append(desk.extension)

    # ---- calls -----------------------------------------------------------------------------------

    @property
    def waiting(self) -> list[Waiting]:
        """The calls that wait, or ring and have not been answered."""
        return [entry.waiting for entry in self._queue.values()]

    def wait(
        self, call: str, deliver: Callable[[DeskReady], None], priority: Priority = Priority.NORMAL,
        since: float | None = None, *, give_up: Callable[[], None] | None = None,
    ) -> str | None:  # fmt: skip
        """Put a call into the queue; the desk that it got at once, or None.

        ``since`` is when it began to wait, by the event loop's clock; left out: now. A call that is in the queue
        already stays as it is. ``give_up`` is called when the desk that rings for it is needed for somebody who goes
        first (``queue.to_give_up``).
        """
        if call not in self._queue:
            self._count += 1
            waiting = Waiting(call, self._now() if since is None else since, self._count, priority)
            self._queue[call] = _Entry(waiting, deliver, give_up)
            self._match()
        return next(iter(self._desks_of(call)), None)

    def _desks_of(self, call: str) -> Sequence[str]:
        return self._of_call.get(call, ())

    def count(self, priority: Priority) -> int:
        """How many calls of a priority wait, or ring and have not been answered."""
        return sum(1 for entry in self._queue.values() if entry.waiting.priority is priority)

    def promote(self, call: str, priority: Priority) -> None:
        """A waiting call has another priority from now on; the desks that ring for it go on ringing."""
        entry = self._queue.get(call)
        if entry is not None:
            entry.waiting = replace(entry.waiting, priority=priority)
            self._match()

    def withdraw(self, call: str) -> None:
        """Take a call out of the queue; a desk that it got already stays its own."""
        gone = self._queue.pop(call, None)
        if gone is None:
            return
        if not self._queue:
            self._set_wake(None)
        elif gone.waiting.priority is Priority.RADIO or self.count(Priority.RADIO):
            self._match()  # an officer leaves desks to citizens, and whoever is behind leaves them to the officer

    def leave(self, call: str) -> None:
        """Take a call out of the queue, and free every desk that rings or talks for it."""
        self.withdraw(call)
        self.want_no_more(call)
        for extension in list(self._desks_of(call)):
            self.release(extension)

    def _count_offers(self, call: str) -> None:
        entry = self._queue[call]
        entry.waiting = replace(entry.waiting, offers=len(self._desks_of(call)))

    # ---- transfers ---------------------------------------------------------------------------------

    def want(self, unit: str, call: str, deliver: Callable[[DeskReady], None]) -> list[str]:
        """A call is to be transferred to a unit: the desks that it got at once, where somebody is.

        It gets a ``DeskReady`` for each that frees up later, until ``want_no_more``.
        """
        got = [desk.extension for desk in self.of_unit(unit) if desk.staffed and self.offer(desk.extension, call)]
        self._wanted[call] = (unit, deliver)
        return got

    def want_no_more(self, call: str) -> None:
        """The call wants no more desks of a unit."""
        self._wanted.pop(call, None)

    def _free_for_transfer(self, extension: str) -> None:
        desk = self._desks[extension]
        for call, (unit, deliver) in self._wanted.items():
            if unit == desk.unit and desk.staffed and self.offer(extension, call):
                self._tell_wanting(call, deliver, extension)
                return

    def _tell_wanting(self, call: str, deliver: Callable[[DeskReady], None], extension: str) -> None:
        try:
            deliver(DeskReady(extension))
        except InboxFull:  # that flow is stuck, and gets the same exception
            log.error("switchboard.inbox_full", call=call)

    # ---- who gets whom -----------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _match(self) -> None:
        """Give desks to waiting calls for as long as there are both."""
        if not self._queue:
            return
        now = self._now()
        polda = self.of_unit(POLDA)
        while pairs := assign(self.waiting, polda, now=now, overflow=self._overflow):
            given = [self._give(call, extension) for call, extension in pairs]
            polda = self.of_unit(POLDA)
            if all(given):
                break
        leaving = to_give_up(self.waiting, now=now, overflow=self._overflow)
        for call in leaving:
            give_up = self._queue[call].give_up
            if give_up is not None:
                give_up()
        if not leaving:  # what they leave may be enough
            self._tell_who_waits()
        moments = next_rested(polda, now), next_overflow(self.waiting, now, self._overflow)
        self._set_wake(min(filter(None, moments), default=None))

    def tell_who_waits(self, extension: str, tell: Callable[[], None] | None) -> None:
        """``tell`` is called each time that a citizen begins to wait for whom no desk rings; None: no more."""
        if tell is None:
            self._listeners.pop(extension, None)
        elif self._desks[extension].unit == POLDA:
            self._listeners[extension] = tell

    def _tell_who_waits(self) -> None:
        before, self._unserved = self._unserved, {each.call for each in self.waiting if is_unserved(each)}
        for tell in self._listeners.values() if self._unserved - before else ():
            with suppress(InboxFull):  # that flow is stuck, and gets the same exception
                tell()

    def _give(self, call: str, extension: str) -> bool:
        """Give a desk to a call; False when the call cannot take it, and is out of the queue for that."""
        try:
            self._queue[call].deliver(DeskReady(extension))
        except InboxFull:
            # That flow is stuck and gets the same exception; the desk is for the next call.
            log.error("switchboard.inbox_full", call=call)
            del self._queue[call]
            return False
        except KeyError:
            return False
        verifies = self._queue[call].waiting.priority is Priority.VERIFICATION
        self._move(extension, DeskEvent.OFFER, call=call, verifies=verifies)
        self._count_offers(call)
        return True

    def _set_wake(self, moment: float | None) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = None if moment is None else asyncio.get_running_loop().call_at(moment, self._match)
