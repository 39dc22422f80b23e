"""A supervisor listens to a living call at a desk's phone, speaks to the operator alone, or joins the talk.

The phone rings with ``PANTAU``. What it hears is taken from the operator's leg (an ARI snoop): the caller's line is not
touched, and neither side of the talk hears anything of it. It stays with the call, whoever has it, until the phone is
hung up or the call is over. ``1``, ``2`` and ``3`` pressed there are the three modes.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import Final

import structlog

from ari_app.ari.errors import AriRefused, InboxFull
from ari_app.ari.model import (
    BridgeAttendedTransfer,
    BridgeBlindTransfer,
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    PlaybackFinished,
)
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact, Json
from ari_app.domain.seen import MONITOR_PREFIX
from ari_app.flows.call import Call
from ari_app.flows.colleague import end
from ari_app.flows.company import STOPPED
from ari_app.flows.endings import end_stranger
from ari_app.flows.hearing import Ear
from ari_app.flows.messages import CompanyChanged, LegGone, now
from ari_app.flows.ringing import Answered, NotTaken, RingGroup, handed_over
from ari_app.flows.room import OK, SUCCESS, WRONG

DISPLAY: Final = "PANTAU"
"""What the supervisor's phone shows before the operator's desk."""

HUNG_UP, CHANGED = "hung_up", "changed"
"""Why a supervisor is not there any more, or not in this mode; else because the call is over (``Company.ended``)."""

HEARD_SECONDS: Final = 1.0
"""What the supervisor hears by, and ended sooner by itself, is not made again: it would end again, without an end."""

log = structlog.get_logger(__name__)


class Mode(StrEnum):
    """How a supervisor is there."""

    LISTEN = "listen"
    """Hears the operator and all that the operator hears, and is heard by nobody."""
    WHISPER = "whisper"
    """The same, and is heard by the operator alone."""
    BARGE = "barge"
    """Talks with both."""


KEYS: Final = {"1": Mode.LISTEN, "2": Mode.WHISPER, "3": Mode.BARGE}


def new_id() -> str:
    """An id for what a supervisor listens with."""
    return f"{MONITOR_PREFIX}{secrets.token_hex(4)}"


class _SnoopGone(Exception):
    """What the operator is heard by has ended before it was ours."""


class Monitor:
    """One supervisor at one call. ``watch`` is theirs, with the desk's leg, ``target`` the call."""

    def __init__(self, watch: Call, target: Call, desk: str, mode: Mode, actor: str) -> None:
        """The desk is kept for ``watch``; nothing rings yet."""
        self._watch, self._target, self._desk, self._mode, self._actor = watch, target, desk, mode, actor
        self._leg = ""
        self._snoop: str | None = None
        self._snooped_at = 0.0
        self._is_aside = False
        self._is_joined = False
        """Whether their leg may be in the caller's bridge."""
        self._place: tuple[Mode, str] | None = None
        self._began: float | None = None
        self._was_there = False
        """Whether the beginning of it has been told, in whatever mode."""
        self._is_over = False
        """Whether the end of it has been told."""
        watch.originator = None
        watch.label = Shown(f"{DISPLAY} {target.company.desk or ''}".rstrip(), target.company.desk or desk)

    async def carry_out(self) -> None:
        """Ring the desk's phone, and be there until it is hung up, or the call is over."""
        self._target.company.follow(self._changed)
        self._tell("monitor.offered", self._actor, mode=self._mode.value)
        group = RingGroup(self._watch, self._watch.around.rules.ring, tells=False)
        reason = STOPPED
        try:
            missed = await self._ring(group)
            reason = missed or await self._be_there()
        finally:
            self._target.company.forget(self._changed)
            await group.end(reason="normal")
            self._over(reason)
            await end(self._watch)

    def _changed(self) -> None:
        if self._target.company.ended:
            self._over(self._target.company.ended)  # before the last line of the call's story
        try:
            self._watch.deliver(CompanyChanged())
        except InboxFull:
            log.error("monitor.inbox_full")

    # ---- until the phone is answered -----------------------------------------------------------------

    async def _ring(self, group: RingGroup) -> str:
        """Until the phone is answered, and its leg ours: nothing; otherwise why it is not."""
        refused = await group.ring(self._desk)
        while refused is None:
            message = await self._watch.next()
            if isinstance(message, CompanyChanged) and self._target.company.ended:
                return self._target.company.ended
            match outcome := await group.read(message):
                case Answered(leg=leg):
                    if await self._is_ours(leg):
                        self._watch.around.switchboard.answered(self._desk)
                        self._leg = leg
                        self._watch.operators.add(leg)  # a phone that has died is noticed
                        return ""
                    refused = group.failed(outcome)
                case NotTaken():
                    refused = outcome
        return refused.reason.value

    async def _is_ours(self, leg: str) -> bool:
        try:
            return await handed_over(self._watch, leg)
        except TimeoutError:
            await self._watch.end_leg(leg)
            return False

    # ---- with the call -------------------------------------------------------------------------------

    async def _be_there(self) -> str:
        """Until the supervisor hangs up or the call is over: which of the two."""
        ear = Ear(self._watch.around.asterisk, self._leg, self._watch.around.rules.sounds)
        await self._follow(ear)
        while not self._target.company.ended:
            match await self._watch.next():
                case CompanyChanged():
                    await self._follow(ear)
                case ChannelDestroyed(channel=Channel(id=leg)) | LegGone(leg=leg) if leg == self._leg:
                    return HUNG_UP
                case ChannelDestroyed(channel=Channel(id=leg)) | LegGone(leg=leg) if leg == self._snoop:
                    await self._hears_no_more(ear)
                case ChannelDtmfReceived(channel=Channel(id=leg), digit=digit) if leg == self._leg and digit in KEYS:
                    await self._change(ear, KEYS[digit])
                case PlaybackFinished(playback=playback):
                    await ear.finished(playback.id)
                case (
                    BridgeBlindTransfer(replace_channel=stranger, result=result)
                    | BridgeAttendedTransfer(destination_link_first_leg=stranger, result=result)
                ) if result == SUCCESS:  # the phone's own transfer key: nobody is sent anywhere from here
                    await end_stranger(self._watch, stranger.id if stranger is not None else None)
                    return HUNG_UP
        return self._target.company.ended

    async def _hears_no_more(self, ear: Ear) -> None:
        """It has ended of itself, or with the operator's leg: of that there will be news."""
        self._place = None
        if self._target.legs.has_ended(self._target.company.holder or ""):
            return
        if now() - self._snooped_at < HEARD_SECONDS:
            log.warning("monitor.not_there", error="it ended at once")
            await ear.confirms(WRONG)
        else:
            await self._follow(ear)

    async def _change(self, ear: Ear, mode: Mode) -> None:
        """Another mode, by key."""
        if mode is not self._mode:
            self._over(CHANGED)
            self._mode, self._is_over = mode, False
        if await self._follow(ear):
            await ear.confirms(OK)

    async def _follow(self, ear: Ear) -> bool:
        """Be where the mode wants it, with whoever has the caller now; whether it is.

        Who is to be heard no more, and cannot be taken out of the talk, is hung up.
        """
        wanted = self._wanted()
        if wanted == self._place and self._is_somewhere:
            return True
        self._place = None
        await ear.stop()  # a leg to which something is played takes no other order
        try:
            await self._end_snoop()
            if wanted is None or wanted[0] is not Mode.BARGE:
                await self._go_aside()
            if wanted is not None:
                await (self._join(wanted[1]) if wanted[0] is Mode.BARGE else self._listen(wanted[1]))
        except (AriRefused, TimeoutError, _SnoopGone) as error:  # somebody is gone by now: then there is news of it
            log.info("monitor.not_there", error=repr(error))
            self._snoop = None  # nobody hears by it, so its end is no news
            if self._is_joined and self._mode is not Mode.BARGE:
                await self._watch.end_leg(self._leg)
            else:
                await ear.confirms(WRONG)
            return False
        self._place = wanted
        if wanted is not None and self._began is None and not self._is_over:
            self._began, self._was_there = now(), True
            self._tell("monitor.started", self._actor, mode=self._mode.value)
        return True

    def _wanted(self) -> tuple[Mode, str] | None:
        """The mode, with the leg to listen to or the bridge to join; None: nobody has the caller at present."""
        company = self._target.company
        where = self._target.bridges.main if self._mode is Mode.BARGE else company.holder
        return None if company.holder is None or where is None else (self._mode, where)

    @property
    def _is_somewhere(self) -> bool:
        return self._is_aside or self._place is not None

    async def _join(self, bridge: str) -> None:
        self._is_aside, self._is_joined = False, True
        await self._watch.around.asterisk.add_to_bridge(bridge, [self._leg], absorb_keys=True)

    async def _listen(self, leg: str) -> None:
        asterisk, self._snooped_at = self._watch.around.asterisk, now()
        snoop = self._snoop = self._watch.new_leg()
        await asterisk.snoop(leg, snoop, whispers=self._mode is Mode.WHISPER)
        await asterisk.subscribe([f"channel:{snoop}"])  # otherwise its end is not told
        if not await handed_over(self._watch, snoop):
            raise _SnoopGone
        await self._watch.bridges.join_aside([snoop])

    async def _go_aside(self) -> None:
        if not self._is_aside:
            await self._watch.bridges.join_aside([self._leg])
            self._is_aside, self._is_joined = True, False

    async def _end_snoop(self) -> None:
        snoop, self._snoop = self._snoop, None
        if snoop is not None:
            await self._watch.end_leg(snoop)

    # ---- what is told ----------------------------------------------------------------------------------

    def _over(self, reason: str) -> None:
        """The supervisor is not there any more, or not in this mode; once."""
        began, self._began = self._began, None
        is_told, self._is_over = self._is_over, True
        if began is not None:
            ms = round((now() - began) * 1000)
            self._tell("monitor.ended", self._actor, mode=self._mode.value, reason=reason, ms=ms)
        elif not is_told and not self._was_there:
            self._tell("monitor.not_answered", f"desk:{self._desk}", reason=reason)

    def _tell(self, action: str, actor: str, **data: Json) -> None:
        self._watch.around.tell(Fact(actor, action, self._target.id, {"desk": self._desk, **data}))
