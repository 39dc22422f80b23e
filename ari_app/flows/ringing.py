"""Ringing desks for a call: one or several at a time, the first to answer has it."""

from __future__ import annotations

from asyncio import TimerHandle
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from ari_app.ari.errors import AriConflict, AriError, AriNotFound, AriRefused
from ari_app.ari.model import Channel, ChannelDestroyed, ChannelStateChange, StasisStart
from ari_app.domain.causes import NotAnswered, why_not_answered
from ari_app.domain.queue import Priority
from ari_app.flows.call import Call
from ari_app.flows.messages import CallerLeft, LegAnswered, LegGone, TimeUp, now
from ari_app.flows.switchboard import OWN_TIMER_SECONDS

if TYPE_CHECKING:
    from ari_app.flows.party import Heard

log = structlog.get_logger(__name__)

ENTER_SECONDS: Final = 1.0
"""From making a leg to its being ours; Asterisk needs about a millisecond."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A desk answered."""

    desk: str
    leg: str


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A desk did not take the call, and why."""

    desk: str
    reason: NotAnswered


@dataclass(slots=True)
class _Ringing:
    desk: str
    until: float
    timer: TimerHandle


class RingGroup:
    """The desks that ring for a call. The switchboard must have given each of them to it."""

    def __init__(self, call: Call, seconds: int, *, tells: bool = True) -> None:
        """Each desk rings for at most ``seconds``.

        ``tells``: it is the queue's, so each of them is told to the journal, and one that does not answer is set
        not ready (SOP V.2).
        """
        self._call = call
        self._seconds = seconds
        self._tells = tells
        self._legs: dict[str, _Ringing] = {}

    def __len__(self) -> int:
        """How many desks ring."""
        return len(self._legs)

    async def ring(self, desk: str) -> NotTaken | None:
        """Let one more desk ring; ``NotTaken`` when its phone cannot be reached.

        One that is not the call's any more, by the time that the call hears of it, is left alone.

        Raises:
            CallerLeft: the caller is gone: a desk is not blamed for that.
        """
        board = self._call.around.switchboard
        if not board.is_offered(desk, self._call.id) or any(each.desk == desk for each in self._legs.values()):
            return None
        if self._tells:
            self._call.tell("call.offered", desk=desk)
        try:
            leg = await self._call.ring(desk, self._seconds)
        except AriRefused:
            await self._call.look()
            return self._not_taken(desk, NotAnswered.UNREACHABLE)
        timer = self._call.remind(self._seconds + OWN_TIMER_SECONDS, leg)
        self._legs[leg] = _Ringing(desk, now() + self._seconds - OWN_TIMER_SECONDS, timer)
        return None

    async def read(self, heard: Heard) -> Answered | NotTaken | None:
        """What a message means for the ringing; None: nothing."""
        match heard:
            # A leg is ours when it was answered, and not before: whichever of the two has been heard of.
            case (
                ChannelStateChange(channel=Channel(id=leg, state="Up"))
                | StasisStart(channel=Channel(id=leg))
                | LegAnswered(leg=leg)
            ) if leg in self._legs:
                return Answered(self._forget(leg).desk, leg)
            case ChannelDestroyed(channel=Channel(id=leg), cause=cause) if leg in self._legs:
                ringing = self._forget(leg)
                return self._not_taken(ringing.desk, why_not_answered(cause, rang_out=now() >= ringing.until))
            case LegGone(leg=leg) if leg in self._legs:
                return self._not_taken(self._forget(leg).desk, NotAnswered.UNREACHABLE)
            case TimeUp(what=leg) if leg in self._legs:
                ringing = self._forget(leg)
                await self._call.end_leg(leg)
                return self._not_taken(ringing.desk, NotAnswered.NO_ANSWER)
        return None

    def _forget(self, leg: str) -> _Ringing:
        ringing = self._legs.pop(leg)
        ringing.timer.cancel()
        return ringing

    def _not_taken(self, desk: str, reason: NotAnswered) -> NotTaken:
        """The desk is free again; one that refused at once is left alone for a moment."""
        if self._tells:
            self._call.tell("call.not_answered", f"desk:{desk}", desk=desk, reason=reason.value)
        board = self._call.around.switchboard
        is_blamed = reason is NotAnswered.NO_ANSWER and self._call.priority is not Priority.VERIFICATION
        if self._tells and is_blamed:  # a flood of blocked numbers must not leave the others without a ready desk
            board.let_it_ring(desk)  # before it is free: otherwise it is rung again at once
        board.release(desk, refused=reason is not NotAnswered.NO_ANSWER)
        return NotTaken(desk, reason)

    def failed(self, answered: Answered) -> NotTaken:
        """The desk that answered is gone before it could be connected."""
        return self._not_taken(answered.desk, NotAnswered.UNREACHABLE)

    async def end(self, *, reason: str = "answered_elsewhere") -> None:
        """Nobody rings any more: somebody else has the call, or nobody needs it. Never raises."""
        for leg in list(self._legs):
            ringing = self._forget(leg)
            with suppress(AriError):  # reconciling ends what is left
                await self._call.end_leg(leg, reason=reason)
            self._call.around.switchboard.release(ringing.desk)
        self._call.around.switchboard.end_offers(self._call.id)


async def handed_over(call: Call, leg: str) -> bool:
    """Wait until a leg is ours to act on: a claim, or an answer, is not yet the hand-over. False: it is gone.

    Raises:
        CallerLeft: the caller is gone by now.
        TimeoutError: Asterisk did not hand it over.
    """
    if not call.has_come(leg):
        with anyio.fail_after(ENTER_SECONDS):
            return await call.entered(leg)
    return not call.legs.has_ended(leg)


async def answer_caller(call: Call) -> None:
    """Answer the caller's leg, so that the caller hears us; one that is answered already is left alone.

    Raises:
        CallerLeft: the caller is gone by now.
        TimeoutError: the caller was never handed over to us.
    """
    if call.is_up:
        return
    if not call.legs.has_entered(call.id):
        await handed_over(call, call.id)
    try:
        await call.around.asterisk.answer(call.id)
    except (AriNotFound, AriConflict):
        call.caller_is_gone()
        raise CallerLeft from None
    call.is_up = True


async def connect(call: Call, leg: str) -> bool:
    """Let the caller, whose leg is answered, and a desk hear each other; False when the desk's leg is gone by now.

    Raises:
        CallerLeft: the caller is gone by now.
    """
    try:
        if not await handed_over(call, leg):
            return False
        await call.connect(leg)
    except (AriRefused, TimeoutError) as error:
        log.info("call.not_connected", error=repr(error))
        await call.end_leg(leg)
        with anyio.move_on_after(ENTER_SECONDS):  # the caller's end, had there been one, is told before this leg's
            await call.until(lambda _: call.legs.has_ended(leg))
        await call.look()
        return False
    return True
