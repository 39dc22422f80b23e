"""A call in the hands of its flow: what happened (inbox), what to do (legs, bridges), what to tell (facts)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import Final

import anyio
import anyio.lowlevel
import structlog

from ari_app.ari.errors import AriError, AriNotFound, AriRefused, InboxFull
from ari_app.ari.inbox import Inbox
from ari_app.domain.display import Shown, shown_caller
from ari_app.domain.facts import Fact, Json
from ari_app.domain.queue import Priority
from ari_app.domain.seen import leg_id
from ari_app.flows.bridges import Bridges
from ari_app.flows.company import Company
from ari_app.flows.following import Following
from ari_app.flows.leaving import Leaving
from ari_app.flows.legs import Legs
from ari_app.flows.messages import (
    OF_NO_LEG,
    CallClosed,
    CallerLeft,
    CallLost,
    Delivered,
    Dismissed,
    LegGone,
    Message,
    Stop,
    Stopping,
    TimeUp,
    now,
)
from ari_app.flows.surroundings import Surroundings

LAST_EVENTS_SECONDS: Final = 1.0
"""How long the end of a call waits for the last word on its legs."""

log = structlog.get_logger(__name__)


class Call:
    """One call to 110.

    ``id`` is the caller's channel; ``caller`` their number in E.164, known when the call is ours, None when withheld.
    """

    def __init__(self, call: str, number: str, dialled: str, around: Surroundings) -> None:
        """Register the inbox, before anything is asked of Asterisk."""
        self.id = call
        self.number = number
        self.caller: str | None = None
        self.dialled = dialled
        self.around = around
        self.received = self.waits_since = now()
        self.label: Shown | None = None
        """What is shown in place of the caller's number: another desk."""
        self.priority = Priority.NORMAL
        self.is_emergency = False
        self.claims_emergency = False
        """Whether a blocked caller has said so by key (SOP VIII)."""
        self.is_closed = False
        """Whether it was closed, so that nothing comes but the salutation (SOP VI)."""
        self.is_up = False
        """Whether the caller's leg was answered, by a desk or by the announcement."""
        self.was_answered = False
        """Whether an operator has spoken with the caller."""
        self.operators: set[str] = set()
        """The legs of the operators in the call whose phones must be alive: not those that hold it themselves."""
        self.legs = Legs(call)
        self._ahead: tuple[str, str] | None = None  # a desk and its leg, rung while the call was being claimed
        self.originator: str | None = call
        """Whose codec the phones are offered first; None: nobody has called, a supervisor has us ring a desk."""
        self.bridges = Bridges(around.asterisk, call)
        self.company = Company()
        self._inbox: Inbox[Delivered] = Inbox()
        self.caller_left = self._is_lost = False
        """Whether the caller's leg is known to have left us; whether nobody has seen how."""
        self.leaving = Leaving(call)
        self._following = Following(around.asterisk.subscribe, call)
        self.talking = False
        """Whether caller and operator hear each other: then nobody but they may end the call."""
        around.switch.register(call, self._inbox.put)

    # ---- what happened -------------------------------------------------------------------------

    def deliver(self, message: Delivered) -> None:
        """Put a message into the inbox; see ``Inbox.put``."""
        self._inbox.put(message)

    def remind(self, seconds: float, what: str) -> asyncio.TimerHandle:
        """Deliver ``TimeUp(what)`` after so many seconds, unless the handle is cancelled before."""
        return asyncio.get_running_loop().call_later(seconds, self._remind, what)

    def _remind(self, what: str) -> None:
        try:
            self.deliver(TimeUp(what))
        except InboxFull:
            log.error("call.inbox_full", call=self.id)

    async def next(self) -> Message:
        """The next thing that happens to this call.

        Raises:
            CallerLeft: the caller is gone; also at every later ``next``. ``CallLost``: nobody has seen how.
            CallClosed: a supervisor has closed the call; once.
            InboxFull: see there. ``Stopping``: the application is about to end.
        """
        self._look_for_caller()
        message = await self.news()
        self._look_for_caller()
        if isinstance(message, Dismissed):
            raise CallClosed(message)
        return message

    async def news(self) -> Message | Dismissed:
        """The next thing that happens to this call, for whoever goes on also when the caller is gone.

        Raises:
            InboxFull, Stopping: as ``next``.
        """
        while isinstance(message := await self._inbox.get(), Dismissed) and self.is_closed:
            pass  # somebody else has closed it already
        if isinstance(message, Stop):
            raise Stopping
        self._note(message)
        return message

    async def look(self) -> None:
        """Notice who has gone so far, without waiting for more.

        Raises:
            CallerLeft, InboxFull: as ``next``.
        """
        await anyio.lowlevel.checkpoint()
        self._note_all()
        self._look_for_caller()

    def _note_all(self) -> None:
        """Learn from what waits in the inbox, where it stays."""
        for message in self._inbox:
            self._note(message)

    def _look_for_caller(self) -> None:
        if self._following.check():
            self.caller_is_gone(is_over=True)
        if self._is_lost:
            raise CallLost
        if self.caller_left:
            raise CallerLeft

    async def until(self, is_so: Callable[[Message | None], bool]) -> None:
        """Wait until a message, or what is known before the next one (None), makes it so; all others wait their turn.

        Raises:
            CallerLeft, CallClosed, InboxFull: as ``next``.
        """
        others: list[Message] = []
        try:
            while not is_so(None):
                message = await self.next()
                if is_so(message):
                    return
                others.append(message)
        finally:
            self._inbox.put_back(others)

    def has_come(self, leg: str) -> bool:
        """Whether a leg is ours to act on, or gone, by what has come so far: then nobody need wait for it.

        Raises:
            CallerLeft: both the leg and the caller are gone; ``CallLost``: nobody has seen how.
        """
        self._note_all()
        if self.legs.has_ended(leg):
            self._look_for_caller()
        return self.legs.has_come(leg)

    async def entered(self, leg: str) -> bool:
        """Wait until a leg is ours to act on, or gone: False.

        Raises:
            CallerLeft, InboxFull: as ``next``.
        """
        await self.until(lambda _: self.legs.has_come(leg))
        return not self.legs.has_ended(leg)

    def caller_is_gone(self, *, is_over: bool = False) -> None:
        """Asterisk refused an order for the caller's leg: it has left us, whatever the events say."""
        self.caller_left = True
        if is_over:
            self.legs.is_gone(self.id)

    @property
    def was_taken(self) -> bool:
        """Whether, by ``end``, the caller's leg has left us for the dialplan: somebody gave it back."""
        return self.leaving.was_taken(is_over=self.legs.has_ended(self.id))

    def _note(self, message: Delivered) -> None:
        if isinstance(message, OF_NO_LEG):
            return
        self._is_lost |= isinstance(message, LegGone) and message.leg == self.id and not self.caller_left
        self.legs.note(message)
        self.leaving.note(message)
        self.caller_left |= self.leaving.has_left or self.legs.has_ended(self.id)

    # ---- what to do ----------------------------------------------------------------------------

    def new_leg(self) -> str:
        """Mint the id of a leg and register it; the command that makes it comes after."""
        leg = leg_id(self.id, secrets.token_hex(4))
        self.adopt_leg(leg)
        return leg

    @property
    def shown(self) -> Shown:
        """What an operator's display says of the caller (SOP V.3)."""
        if self.label is not None:
            return self.label
        blocking = self.around.blocking
        return shown_caller(
            self.number,
            pranks=blocking.pranks(self.caller) if self.caller else 0,
            is_emergency=self.is_emergency or self.claims_emergency,
            is_blocked=blocking.is_blocked(self.caller),
        )

    async def ring_ahead(self, desk: str) -> None:
        """Ring the desk that the call has got, while it is still being claimed; ``ring`` takes it up."""
        try:
            self._ahead = (desk, await self._ring(desk, self.around.rules.ring))
        except AriRefused as refused:
            log.info("call.not_rung_ahead", status=refused.status)

    async def ring(self, desk: str, seconds: int) -> str:
        """Ring a desk for so long; the leg's events come to the inbox.

        Raises:
            AriRefused: its phone cannot be reached.
        """
        ahead, self._ahead = self._ahead, None
        leg = ahead[1] if ahead is not None and ahead[0] == desk else await self._ring(desk, seconds)
        if self.originator is not None:
            self._following.begin(partial(self._remind, "followed"))
        return leg

    async def _ring(self, desk: str, seconds: int) -> str:
        leg = self.new_leg()
        try:
            whose, endpoint = self.originator, f"PJSIP/{desk}"
            await self.around.asterisk.ring(leg, endpoint, originator=whose, shown=self.shown, seconds=seconds)
        except AriRefused:
            await self.end_leg(leg)
            raise
        return leg

    async def follow_caller(self) -> None:
        """Get the last event of the caller's leg, when the first desk rings: being ours, it tells of leaving only."""
        if self.originator is not None and await self._following.is_gone():
            self.caller_is_gone(is_over=True)

    def adopt_leg(self, leg: str, *, lives: bool = False) -> None:
        """Count a leg as this call's, and get its events; ``lives``: it is under our control already."""
        self.legs.add(leg)
        if lives:
            self.legs.found(leg)
        self.around.switch.register(leg, self._inbox.put)

    def adopt_talk(self, leg: str, bridge: str | None, *, is_up: bool, together: bool = True) -> None:
        """Take up a talk that was found living: count its leg and its bridge as this call's.

        ``is_up``: the caller's leg was answered, too. A caller in no bridge has not met the operator yet; ``together``:
        in theirs is the leg, too, otherwise another one may have been before.
        """
        self.adopt_leg(leg, lives=True)
        self.bridges.adopt(bridge, leg if together or bridge is None else "")
        self.is_up = is_up
        self.talking = self.was_answered = bridge is not None

    def give_away(self, leg: str) -> None:
        """A leg belongs to another call from now on; the flow is woken, as no event of the leg comes any more."""
        self.legs.give_away(leg)
        self._remind("given away")

    async def end_leg(self, leg: str, *, reason: str = "normal") -> None:
        """Hang a leg up if it is still there."""
        if self.legs.has_ended(leg):
            return
        try:
            await self.around.asterisk.hangup(leg, reason=reason)
        except AriNotFound:
            self.legs.is_gone(leg)

    async def connect(self, leg: str, *, beside: bool = False) -> None:
        """Let the caller and ``leg`` hear each other; see ``Bridges.join``.

        Raises:
            AriRefused: one of them is gone; the inbox tells which.
        """
        await self.bridges.join(leg, beside=beside)
        self.talking = self.was_answered = True
        self.company.moved()

    async def end(self) -> None:
        """End every leg and the bridge, and wait for their last events: nothing is left behind.

        A caller's leg that has left us is not ended: it is gone, or it goes on in the dialplan.

        Raises:
            AriError: it is not known whether the caller's leg ends; the story must stay open.
        """
        self.company.end()
        if self._following.has_begun or self.was_taken:  # has it ended, too?
            await self.follow_caller()
        if not self.caller_left:
            await self.end_leg(self.id)
        await self.end_own_legs()
        try:
            with anyio.move_on_after(LAST_EVENTS_SECONDS):
                while not self.legs.are_over():
                    self._note(await self._inbox.get())
        except InboxFull:
            log.warning("call.last_events_lost")
        await self.bridges.remove()

    async def end_own_legs(self) -> None:
        """Hang up every leg that was made for this call; never raises."""
        for leg in self.legs.made:
            try:
                await self.end_leg(leg)
            except AriError as error:
                # Reconciling ends what is left; the other legs and the desk must be free all the same.
                log.warning("call.leg_not_ended", leg=leg, error=repr(error))

    async def hand_back(self) -> None:
        """Give the caller back to the dialplan, whose fallback rings every desk; our own legs end.

        Raises:
            AriError: the caller is not in our hands any more, or Asterisk gives no answer.
        """
        try:
            await self.around.asterisk.back_to_dialplan(self.id)
        finally:
            await self.end_own_legs()
            await self.bridges.remove()

    def forget(self) -> None:
        """Leave the switch and the switchboard: this flow no longer acts."""
        self.company.end(is_over=False)
        self.around.switch.forget(self.legs)
        self.around.switchboard.leave(self.id)

    def owns(self, made: str) -> bool:
        """Whether a leg or bridge with this id is one that this flow works with."""
        return made in self.bridges or made in self.legs.made

    # ---- what to tell --------------------------------------------------------------------------

    def tell(self, action: str, actor: str = "system", /, **data: Json) -> None:
        """Write a fact of this call into the journal; never waits."""
        self.around.tell(Fact(actor, action, self.id, data))

    def came_before(self, seconds: float) -> None:
        """The call came in so long ago: it was found living, and keeps its place among those who wait."""
        self.received = self.waits_since = now() - seconds

    def wait_in_queue(self) -> bool:
        """From now on the call gets the desks that are its turn; whether it has got one at once."""
        board = self.around.switchboard
        return board.wait(self.id, self.deliver, self.priority, self.waits_since) is not None

    def waited_ms(self) -> int:
        """Milliseconds since the call came in."""
        return round((now() - self.received) * 1000)
