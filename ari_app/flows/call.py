"""A call in the hands of its flow: what happened (inbox), what to do (legs, bridges), what to tell (facts)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio
import anyio.lowlevel
import structlog

from ari_app.ari.commands import Commands
from ari_app.ari.errors import AriError, AriNotFound, AriRefused, InboxFull
from ari_app.ari.inbox import Inbox, Switch
from ari_app.ari.model import Channel, ChannelDestroyed, LegEvent, StasisEnd, StasisStart
from ari_app.domain.causes import UNKNOWN_CAUSE
from ari_app.domain.facts import Fact, Json
from ari_app.domain.recovery import bridge_id, leg_id
from ari_app.flows.switchboard import DeskReady, Switchboard

LAST_EVENTS_SECONDS: Final = 1.0
"""How long the end of a call waits for the last word on its legs."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LegGone:
    """A leg was found missing when reconciling; its last event was lost."""

    leg: str


Message: TypeAlias = LegEvent | DeskReady | LegGone


def now() -> float:
    """Seconds of the event loop's clock, which only goes forward."""
    return asyncio.get_running_loop().time()


class CallerLeft(Exception):
    """The caller hung up, or their line was lost."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow works with."""

    asterisk: Commands
    switch: Switch
    switchboard: Switchboard
    tell: Callable[[Fact], None]
    ring_seconds: int


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
        self.received = now()
        self.causes: dict[str, int] = {}
        """The causes of the legs that have ended."""
        self._legs: list[str] = []
        self._ahead: tuple[str, str] | None = None
        """A desk and its leg, rung while the call was being claimed."""
        self._bridge: str | None = None
        self._inbox: Inbox[Message] = Inbox()
        self._caller_left = False
        self._seen: set[str] = set()
        self._entered: set[str] = set()
        self._is_followed = False
        self.talking = False
        """Whether caller and operator hear each other: then nobody but they may end the call."""
        around.switch.register(call, self._inbox.put)

    # ---- what happened -------------------------------------------------------------------------

    def deliver(self, message: Message) -> None:
        """Put a message into the inbox; see ``Inbox.put``."""
        self._inbox.put(message)

    async def next(self) -> Message:
        """The next thing that happens to this call.

        Raises:
            CallerLeft: the caller is gone; also at every later ``next``.
            InboxFull: see there.
        """
        if self._caller_left:
            raise CallerLeft
        message = await self._inbox.get()
        self._note(message)
        if self._caller_left:
            raise CallerLeft
        return message

    @property
    def has_news(self) -> bool:
        """Whether ``next`` would return at once."""
        return len(self._inbox) > 0

    async def look(self) -> None:
        """Take in what has happened so far, without waiting for more.

        Raises:
            CallerLeft, InboxFull: as ``next``.
        """
        await anyio.lowlevel.checkpoint()
        while self.has_news:
            await self.next()
        if self._caller_left:
            raise CallerLeft

    def has_entered(self, leg: str) -> bool:
        """Whether Asterisk has told that a leg is under our control."""
        return leg in self._entered

    def has_ended(self, leg: str) -> bool:
        """Whether a leg is over."""
        return leg in self.causes

    def caller_is_gone(self) -> None:
        """Asterisk refused an order for the caller's leg: it has left us, whatever the events say."""
        self._caller_left = True

    def _note(self, message: Message) -> None:
        if not isinstance(message, DeskReady | LegGone):
            self._seen.add(message.channel.id)
        if isinstance(message, StasisStart):
            self._entered.add(message.channel.id)
        match message:
            case ChannelDestroyed(channel=Channel(id=leg), cause=cause):
                self.causes[leg] = cause
            case LegGone(leg=leg):
                self.causes.setdefault(leg, UNKNOWN_CAUSE)
            case _:
                pass
        if self.id in self.causes or (isinstance(message, StasisEnd) and message.channel.id == self.id):
            self._caller_left = True

    # ---- what to do ----------------------------------------------------------------------------

    def new_leg(self) -> str:
        """Mint the id of a leg and register it; the command that makes it comes after."""
        leg = leg_id(self.id, secrets.token_hex(4))
        self.adopt_leg(leg)
        return leg

    async def ring_ahead(self, desk: str) -> None:
        """Ring the desk that the call has got, while it is still being claimed; ``ring`` takes it up."""
        try:
            self._ahead = (desk, await self._ring(desk))
        except AriRefused as refused:
            log.info("call.not_rung_ahead", status=refused.status)

    async def ring(self, desk: str) -> str:
        """Ring a desk for ``ring_seconds``; the leg's events come to the inbox.

        Raises:
            AriRefused: its phone cannot be reached.
        """
        ahead, self._ahead = self._ahead, None
        leg = ahead[1] if ahead is not None and ahead[0] == desk else await self._ring(desk)
        await self.follow_caller()
        return leg

    async def _ring(self, desk: str) -> str:
        leg = self.new_leg()
        around = self.around
        shown = self.number or "Anonymous"
        try:
            await around.asterisk.ring(
                leg, f"PJSIP/{desk}", originator=self.id, shown=shown, seconds=around.ring_seconds
            )
        except AriRefused:
            await self.end_leg(leg)
            raise
        return leg

    async def follow_caller(self) -> None:
        """Get the last event of the caller's leg: being ours, it tells of leaving us only. Once is enough.

        Not before the first desk rings, as it can wait, and the caller should not.
        """
        if not self._is_followed:
            self._is_followed = True
            if await self.around.asterisk.subscribe([f"channel:{self.id}"]):
                self._caller_left = True

    def adopt_leg(self, leg: str) -> None:
        """Count a leg as this call's, and get its events."""
        self._legs.append(leg)
        self.around.switch.register(leg, self._inbox.put)

    def adopt_caller(self, *, entered: bool) -> None:
        """The caller's leg lives, though no event has told of it; ``entered``: it is under our control already."""
        self._seen.add(self.id)
        if entered:
            self._entered.add(self.id)

    def adopt_talk(self, leg: str, bridge: str) -> None:
        """Take up a talk that was found living: count its leg and its bridge as this call's."""
        self.adopt_leg(leg)
        self._seen.add(leg)
        self._bridge = bridge
        self.talking = True

    async def end_leg(self, leg: str) -> None:
        """Hang a leg up if it is still there."""
        if leg in self.causes:
            return
        try:
            await self.around.asterisk.hangup(leg)
        except AriNotFound:
            self.causes.setdefault(leg, UNKNOWN_CAUSE)

    async def connect(self, leg: str) -> None:
        """Let the caller and ``leg`` hear each other.

        Raises:
            AriRefused: one of them is gone; the inbox tells which.
        """
        if self._bridge is None:
            self._bridge = bridge_id(self.id, secrets.token_hex(4))
            try:
                await self.around.asterisk.create_bridge(self._bridge)
            except AriRefused:
                self._bridge = None
                raise
        await self.around.asterisk.add_to_bridge(self._bridge, [self.id, leg])
        self.talking = True

    async def end(self) -> None:
        """End every leg and the bridge, and wait for their last events: nothing is left behind.

        A caller's leg that has left us is not ended: it is gone, or it goes on in the dialplan.

        Raises:
            AriError: it is not known whether the caller's leg ends; the story must stay open.
        """
        if not self._caller_left:
            await self.end_leg(self.id)
        await self.end_own_legs()
        try:
            with anyio.move_on_after(LAST_EVENTS_SECONDS):
                while any(leg not in self.causes for leg in self.legs()):
                    self._note(await self._inbox.get())
        except InboxFull:
            log.warning("call.last_events_lost")
        await self._remove_bridge()

    async def end_own_legs(self) -> None:
        """Hang up every leg that was made for this call; never raises."""
        for leg in self._legs:
            try:
                await self.end_leg(leg)
            except AriError as error:
                # Reconciling ends what is left; the other legs and the desk must be free all the same.
                log.warning("call.leg_not_ended", leg=leg, error=repr(error))

    async def _remove_bridge(self) -> None:
        # After the legs: deleting a bridge with legs in it overwrites their causes (asterisk#1124).
        if self._bridge is not None:
            try:
                await self.around.asterisk.destroy_bridge(self._bridge)
            except AriError as error:
                log.info("call.bridge_not_removed", error=repr(error))

    async def hand_back(self) -> None:
        """Give the caller back to the dialplan, whose fallback rings every desk; our own legs end.

        Raises:
            AriError: the caller is not in our hands any more, or Asterisk gives no answer.
        """
        try:
            await self.around.asterisk.back_to_dialplan(self.id)
        finally:
            await self.end_own_legs()
            await self._remove_bridge()

    def forget(self) -> None:
        """Leave the switch and the switchboard: this flow no longer acts."""
        self.around.switch.forget(self.legs())
        self.around.switchboard.leave(self.id)

    def owns(self, made: str) -> bool:
        """Whether a leg or bridge with this id is one that this flow works with."""
        return made == self._bridge or made in self._legs

    def legs(self) -> Iterable[str]:
        """The caller's leg and all that were made for this call."""
        return (self.id, *self._legs)

    def certain_legs(self) -> set[str]:
        """The legs that Asterisk has told of and not ended: if one is missing there, it is lost."""
        return {leg for leg in self._seen if leg not in self.causes}

    # ---- what to tell --------------------------------------------------------------------------

    def tell(self, action: str, actor: str = "system", /, **data: Json) -> None:
        """Write a fact of this call into the journal; never waits."""
        self.around.tell(Fact(actor, action, self.id, data))

    def waited_ms(self) -> int:
        """Milliseconds since the call came in, or was adopted."""
        return round((now() - self.received) * 1000)
