"""Taking up what others left: after a start, after a lost link, and every few seconds.

``domain.recovery.decide`` says what must be done; here Asterisk is asked and it is carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskGroup

from ari_app.ari.commands import Claim, Commands
from ari_app.ari.errors import AriError, AriRefused
from ari_app.domain import recovery as plan
from ari_app.domain import stand_ins
from ari_app.domain.causes import UNKNOWN_CAUSE
from ari_app.domain.facts import Fact, Json
from ari_app.domain.seen import SeenBridge, SeenChannel
from ari_app.flows.call import Call
from ari_app.flows.colleague import talk_to_colleague
from ari_app.flows.emergency import begin_talk, close, work_on
from ari_app.flows.hearing import let_be_heard, silence
from ari_app.flows.messages import now
from ari_app.flows.party import Party
from ari_app.flows.rejoining import bring_together, holds_itself, let_speak, were_kept_apart
from ari_app.flows.restoring import is_closed, is_to_be_verified, note_on_line, place_of, restore
from ari_app.flows.room import Room
from ari_app.flows.router import Router
from ari_app.flows.seen import look, seen
from ari_app.flows.stories import Living
from ari_app.flows.talk import hold_or_resume

EVERY_SECONDS: Final = 5.0
SOON_SECONDS: Final = 0.1
"""From a flow's letting go of its call to the next round."""
LOOSE_SECONDS: Final = 2.0
"""A stand-in is put into a bridge at once; in none for so long, it will not be."""

PATIENCE_SECONDS: Final = 0.5
"""How long a new caller waits until it is known who waited before us."""
_PLAIN_TALK: Final = frozenset({"call.answered", "call.transfer_answered", "call.conferenced"})
"""Behind these nobody is on hold and nothing is being played, unless that was so new that no disk had it."""

_BEFORE_TALK: Final = frozenset(
    {"call.received", "call.blocked", "call.emergency_claimed", "call.queued", "call.offered", "call.not_answered"}
)
"""Behind these no operator has had the caller yet."""

FALLBACK: Final = "call.fallback"

log = structlog.get_logger(__name__)


def _wall_now() -> datetime:
    return datetime.now(UTC)


class Recovery:
    """Makes Asterisk, the journal and the flows agree."""

    def __init__(
        self,
        tasks: TaskGroup,
        router: Router,
        living: Living,
        clock: Callable[[], datetime] = _wall_now,
    ) -> None:
        """Adopted calls run in ``tasks``; ``clock`` is the wall's, by which Asterisk says since when channels live."""
        self._tasks = tasks
        self._clock = clock
        self._has_begun = False
        self._asterisk_began = ""
        self._link_lost: datetime | None = None
        self._router = router
        self._living = living
        self._elsewhere = router.elsewhere
        self._loose: dict[str, float] = {}
        self._looking = anyio.Lock()
        """Held from a look to its last action: what one round saw must not undo what a later look has found."""
        self._asking = anyio.Lock()

    @property
    def _asterisk(self) -> Commands:
        return self._router.around.asterisk

    def link_lost(self) -> None:
        """The link to Asterisk has broken; it may have died."""
        self._link_lost = self._clock()

    async def after_gap(self) -> None:
        """Reconcile after a start or a lost link: events were lost, so nothing is taken for granted."""
        if not self._has_begun:
            self._has_begun = True
            self._router.around.tell(Fact("system", "application.started"))
        try:
            self._asterisk_began = await self._asterisk.began()
        except AriRefused as refused:  # then the time of a lost call is when that is told: nobody waits for it
            log.warning("recovery.start_unknown", status=refused.status)
        flows = frozenset(self._router.calls)  # who is let go from now on has more to tell than was read
        reading = asyncio.create_task(self._stories())  # the disk is read while Asterisk is being asked
        try:
            await self._follow_all()
            late = anyio.CancelScope()
            self._tasks.start_soon(self._ring_anyway, late)
            try:
                await self._reconcile(await reading, flows)
            finally:
                late.cancel()
        finally:
            reading.cancel()
        await self._let_ring()
        await self._router.around.nets.after_gap()

    async def _follow_all(self) -> None:
        """Have the events of phones, and of all that lives, told to us."""
        board = self._router.around.switchboard
        await self._asterisk.subscribe([f"endpoint:PJSIP/{desk}" for desk in board.desks])
        # Subscribed first, looked at afterwards: what ends in between is missing from the second look.
        # What the fallback rings is asked for when it is known to be that (``Elsewhere``), and only then.
        known, living = self._router.around.switch, [seen(channel) for channel in await self._asterisk.channels()]
        strange = [channel for channel in living if channel.id not in known]
        self._elsewhere.left({channel.endpoint for channel in strange} & board.desks.keys())
        await self._asterisk.subscribe([f"channel:{channel.id}" for channel in strange if not channel.rung])

    async def _let_ring(self) -> None:
        """The phones that are registered can ring: of desks that are in no call as far as is known."""
        board, asked = self._router.around.switchboard, now()
        for endpoint in await self._asterisk.endpoints():
            board.phone(endpoint.resource, registered=endpoint.state == "online", asked=asked)

    async def _ring_anyway(self, scope: anyio.CancelScope) -> None:
        """Who waited before goes first; but nobody waits for a slow disk on that account."""
        with scope:
            await anyio.sleep(PATIENCE_SECONDS)
            log.warning("recovery.slow")
            try:
                await self._let_ring()
            except AriError as error:
                log.info("recovery.not_rung", error=repr(error))

    async def watch(self) -> None:
        """Reconcile every few seconds, for as long as the application runs."""
        amiss = self._router.something_is_amiss
        while True:
            with anyio.move_on_after(EVERY_SECONDS):
                await amiss.wait()
                await anyio.sleep(SOON_SECONDS)
            amiss.clear()
            try:
                await self._reconcile()
            except Exception:
                # Losing one round is nothing; losing all of them would be.
                log.exception("recovery.failed")

    async def _stories(self) -> Mapping[str, plan.Story]:
        try:
            return await self._router.stories.read(self._living, self._router.calls)
        except Exception:
            # Callers come first: they are taken up even when their stories cannot be read.
            log.exception("recovery.journal_unreadable")
            return {}

    async def _reconcile(
        self, living: Mapping[str, plan.Story] | None = None, flows: frozenset[str] = frozenset()
    ) -> None:
        """One round. ``living``: the open stories, if they have been read, and ``flows``: the calls that had one then.

        Nothing amiss, they need not be.
        """
        flows, left = flows.union(self._router.calls), self._elsewhere.to_look_at()
        nets = self._router.around.nets
        legs = {leg for call in self._router.calls.values() for leg in call.legs.certain()} | nets.certain_legs()
        awaited = {leg for call in self._router.calls.values() for leg in call.legs.awaited()}
        made = nets.made()
        if living is None and self._router.stories.want_reading(flows):
            living = await self._stories()
        async with self._looking:  # not sooner: for a slow disk both rounds wait at the same time
            channels, bridges = await look(self._asterisk)
            self._elsewhere.seen(plan.elsewhere(channels, bridges), living={channel.id for channel in channels})
            actions = plan.decide(
                channels, bridges, flows=flows, legs=legs, awaited=awaited, living=frozenset(living or ()), nets=made
            )
            if actions and living is None:
                living = await self._stories()
            if any(isinstance(action, plan.EndStory) for action in actions):
                # The dialplan noted an end before the caller's leg went away, unless Asterisk died with it: read again.
                still = await self._stories()
                actions = [each for each in actions if not isinstance(each, plan.EndStory) or each.call in still]
            for action in (*actions, *self._silent(channels, bridges)):
                log.info("recovery.action", action=type(action).__name__)
                try:
                    await self._carry_out(action, living or {})
                except AriRefused as refused:
                    log.info("recovery.too_late", status=refused.status)
                # One at a time: the first steps of hundreds in a row would keep the heartbeat waiting, and so end us.
                await anyio.lowlevel.checkpoint()
            self._elsewhere.looked_at(left)
            await self._elsewhere.listen()

    def _silent(self, channels: Sequence[SeenChannel], bridges: Sequence[SeenBridge]) -> list[plan.HangUpStray]:
        """The stand-ins to hang up: in no bridge for so long, somebody behind each hears nothing, and for ever."""
        now = anyio.current_time()
        self._loose = {each: self._loose.get(each, now) for each in stand_ins.loose(channels, bridges)}
        return [plan.HangUpStray(each) for each, since in self._loose.items() if now - since >= LOOSE_SECONDS]

    async def _carry_out(self, action: plan.Action, living: Mapping[str, plan.Story]) -> None:
        """Do it, unless things have moved on since Asterisk was asked."""
        match action:
            case plan.LegLost(leg=leg):
                self._router.leg_lost(leg)
            case plan.LegAnswered(leg=leg):
                self._router.leg_answered(leg)
            case plan.AdoptTalk():
                self._adopt_talk(action, living.get(action.caller.id))
            case plan.AdoptWaiting(caller=caller):
                self._adopt_waiting(action, living.get(caller.id))
            case plan.AdoptColleagues():
                self._adopt_colleagues(action)
            case plan.EndStory(call=call) if self._is_lost(call, living.get(call)):
                end: dict[str, Json] = {"by": "system", "outcome": "lost", "cause": UNKNOWN_CAUSE}
                at = plan.died_at(living.get(call), self._asterisk_began, self._link_lost)
                self._router.around.tell(Fact("system", "call.ended", call, end, at))
            case plan.InFallback(call=call) if self._is_untold(call, living.get(call)):
                self._router.around.tell(Fact("system", "call.fallback", call, {"reason": "application_lost"}))
            case plan.HandBack() | plan.HangUpStray() | plan.DestroyStray():
                await self._clear_away(action)

    async def _clear_away(self, action: plan.HandBack | plan.HangUpStray | plan.DestroyStray) -> None:
        match action:
            case plan.HandBack(channel=line, desk=desk):
                await silence(self._asterisk, line)
                if line not in self._router.calls:  # by now we would have been told, were it new
                    self._elsewhere.handed_back(line, desk)
                    await self._asterisk.back_to_dialplan(line)
            case plan.HangUpStray(leg=leg) if not self._router.owns(leg):
                await self._asterisk.hangup(leg)
            case plan.DestroyStray(bridge=bridge) if not self._router.owns(bridge):
                await self._asterisk.destroy_bridge(bridge)

    def _is_lost(self, call: str, story: plan.Story | None) -> bool:
        """Whether nobody will ever tell the end of a call whose caller is gone."""
        if call in self._router.calls:
            return False
        return _last(story) == FALLBACK or not self._router.stories.is_closed(call)

    def _is_untold(self, call: str, story: plan.Story | None) -> bool:
        """Whether nobody has told, or is going to tell, what became of a call that we have lost.

        Of a call in the fallback the dialplan tells the end.
        """
        if call in self._router.calls or self._router.stories.is_closed(call):
            return False
        return _last(story) != FALLBACK

    def _adopt_talk(self, action: plan.AdoptTalk, story: plan.Story | None) -> None:
        caller, desk = action.caller, action.leg.endpoint
        call = self._found(caller)
        if call is not None:
            call.adopt_talk(action.leg.id, action.bridge, is_up=caller.up, together=action.together)
            call.around.switchboard.take(desk, call.id, verifies=is_to_be_verified(call, story))
            if action.third is not None:
                call.adopt_leg(action.third.id, lives=True)
                call.around.switchboard.take(action.third.endpoint, call.id)
            self._tasks.start_soon(self._router.adopt, call, lambda call: self._rejoin(call, action, story))

    async def _rejoin(self, call: Call, action: plan.AdoptTalk, story: plan.Story | None) -> None:
        """Go on with a talk. The operator may have lifted the receiver in the moment in which we were lost."""
        caller, desk, last = action.caller, action.leg.endpoint, _last(story)
        if not caller.up and not await self._claim(call):
            return

        async def rejoin(room: Room) -> Party:
            party = room.enter(desk, action.leg.id)
            if action.third is not None:
                room.aside, room.is_conference = room.enter(action.third.endpoint, action.third.id), True
            is_plain = caller.up and action.together and last in _PLAIN_TALK
            if not is_plain or await self._one_by_one(were_kept_apart, room, party):
                await bring_together(room, party, were_apart=last not in _BEFORE_TALK)
            elif story is None or story.was_on_net:
                await let_speak(room, party)
            if not room.call.talking:  # who had just lifted the receiver is gone again by now
                await room.leave(party, wrap_up=False)
                return await place_of(call, story)(room)
            begin_talk(room, party, is_new=last is None or last in _BEFORE_TALK)
            if await self._one_by_one(holds_itself, room, party):  # perhaps since nobody heard of it
                await hold_or_resume(room, party)
            return party

        self._go_on(call, caller, story, state="talking", desk=desk)
        room = Room(call)
        restore(room, story, call.around.switchboard.actor(desk), desk)
        await note_on_line(call, story)
        if is_closed(story):
            party = room.enter(desk, action.leg.id)
            for ear in (room.caller, party.ear):
                await ear.take_over()
            await close(room)
        else:
            await work_on(room, rejoin)

    async def _one_by_one(self, ask: Callable[[Room, Party], Awaitable[bool]], room: Room, party: Party) -> bool:
        """Ask Asterisk of one talk after the other: the questions of hundreds would keep new callers waiting."""
        async with self._asking:
            return await ask(room, party)

    async def _claim(self, call: Call) -> bool:
        """Whether the caller is ours: not if the dialplan's fallback has them by now, or they are gone."""
        claim = await self._asterisk.claim(call.id)
        call.legs.found(call.id, entered=claim is Claim.TAKEN)
        return claim is not Claim.GONE

    def _adopt_colleagues(self, action: plan.AdoptColleagues) -> None:
        line, leg = action.caller, action.leg
        call = self._found(line)
        if call is not None:
            call.adopt_talk(leg.id, action.bridge, is_up=True)
            call.legs.found(call.id, entered=True)
            desks = line.endpoint, leg.endpoint
            for desk in desks:
                call.around.switchboard.take(desk, call.id)
            self._tasks.start_soon(self._router.adopt, call, lambda call: talk_to_colleague(call, leg.id, *desks))

    def _adopt_waiting(self, action: plan.AdoptWaiting, story: plan.Story | None) -> None:
        call = self._found(action.caller)
        if call is not None:
            self._tasks.start_soon(self._router.adopt, call, lambda call: self._take_up(call, action, story))

    def _found(self, caller: SeenChannel) -> Call | None:
        """The call of a caller who was found living, with the time that they have waited."""
        call = self._router.found(caller.id, caller.number, caller.dialled)
        if call is not None:
            call.came_before(plan.seconds_since(caller.since, self._clock()))
        return call

    async def _take_up(self, call: Call, action: plan.AdoptWaiting, story: plan.Story | None) -> None:
        """Serve a waiting caller, if the dialplan's fallback does not have them by now: at the place that they had."""
        caller = action.caller
        call.is_up = caller.up  # known first: should all else fail, the music must stop before they are given back
        if not await self._claim(call):
            return
        room = Room(call)
        self._go_on(call, caller, story, state="waiting")
        if caller.up:
            call.bridges.adopt(None, "")
            await room.caller.take_over()
            if action.on_net:
                with suppress(AriRefused):  # gone by now: their end is in the inbox
                    await call.bridges.take_caller_home()
            await let_be_heard(self._asterisk, call.id)  # who had them may have hung up, hearing nothing
        restore(room, story, "system", None)
        await note_on_line(call, story)
        if is_closed(story):
            await close(room)
        else:
            await work_on(room, place_of(call, story))

    def _go_on(self, call: Call, caller: SeenChannel, story: plan.Story | None, **data: str) -> None:
        """Go on with the call's story, or begin it where the journal does not have it."""
        if story is None and not self._router.stories.is_open(call.id):
            self._router.received(call, caller.number, at=plan.moment(caller.since))
        call.tell("call.adopted", **data)


def _last(story: plan.Story | None) -> str | None:
    return None if story is None else story.last
