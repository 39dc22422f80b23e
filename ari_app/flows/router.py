"""The router: claims calls, starts a flow for each, and leads every event to the flow that it belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

import structlog
from anyio.abc import TaskGroup

from ari_app.ari.commands import Claim
from ari_app.ari.errors import AriConflict, AriError, AriNotFound, AriUnreachable, InboxFull
from ari_app.ari.model import (
    ApplicationReplaced,
    BridgeAttendedTransfer,
    CallBroadcast,
    Event,
    LegEvent,
    PeerStatusChange,
    StasisStart,
    endpoint_of,
    leg_of,
)
from ari_app.domain.facts import Fact, call_received
from ari_app.domain.numbers import e164
from ari_app.domain.queue import Priority
from ari_app.flows.blocking import Marked
from ari_app.flows.call import Call
from ari_app.flows.colleague import call_colleague
from ari_app.flows.desk_services import Services, serve_desk
from ari_app.flows.elsewhere import Elsewhere
from ari_app.flows.emergency import answer_emergency_call
from ari_app.flows.hearing import let_be_heard, silence
from ari_app.flows.messages import (
    Delivered,
    Dismissed,
    DisplayChanged,
    LegAnswered,
    LegGone,
    Stop,
    Stopping,
    Unblocked,
)
from ari_app.flows.orders import TRY_AGAIN, Order
from ari_app.flows.radio_desk import be_on_net
from ari_app.flows.room import SUCCESS
from ari_app.flows.stories import Stories
from ari_app.flows.surroundings import Surroundings

Procedure = Callable[[Call], Awaitable[None]]
log = structlog.get_logger(__name__)


class Router:
    """Every living call's flow, by the call's id."""

    def __init__(
        self, tasks: TaskGroup, around: Surroundings, services: Services, *, region: str, area_code: str = ""
    ) -> None:
        """Flows run in ``tasks``; ``region`` and ``area_code`` are where national and local numbers belong."""
        self._tasks = tasks
        self._services = services
        self._place = region, area_code
        self.stories = Stories()
        self._tell = around.tell
        self.around = replace(around, tell=self._noted)
        self.elsewhere = Elsewhere(self.around)
        self.calls: dict[str, Call] = {}
        self.something_is_amiss = asyncio.Event()
        """A flow has let go of its call: it must be taken up by reconciling, and soon."""
        self._is_stopping = False
        self._idle = asyncio.Event()

    def _noted(self, fact: Fact) -> None:
        self.stories.note(fact)
        self._tell(fact)

    # ---- events --------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Take one event from the stream. Never waits, and never raises for the sake of one call."""
        if isinstance(event, CallBroadcast):
            number = event.channel.caller.number
            self._tasks.start_soon(self.take, event.channel.id, number, event.called or "")
        elif isinstance(event, PeerStatusChange):
            self.around.switchboard.phone(event.endpoint.resource, registered=event.endpoint.state == "online")
        elif not isinstance(event, ApplicationReplaced):
            self._route(event)

    def _route(self, event: LegEvent) -> None:
        if isinstance(event, StasisStart):
            leg = event.channel.id
            if self.around.nets.has_rung(leg) or leg in self.elsewhere or leg not in self.around.switch:
                self._desk_dials(event)
        if isinstance(event, BridgeAttendedTransfer):
            event = self._seen_by_the_caller(event)
            self._join(event)
        try:
            self.around.switch.route(event)
        except InboxFull:
            # The flow gets the same exception at its next step, and its caller is rescued.
            log.exception("call.inbox_full", leg=leg_of(event))

    def _desk_dials(self, event: StasisStart) -> None:
        """A desk has dialled one of its services, another desk or a radio net; or a gateway has called its net.

        The desk is not free from now on, and is again at the end of its call.
        """
        kind, dialled = (*event.args, "", "")[:2]
        desk = endpoint_of(event.channel)
        if self._is_stopping:
            return
        if kind == "gateway":  # no other context leads here
            self.around.nets.came(event.channel.id, dialled)
            return
        if desk not in self.around.switchboard.desks or kind not in {"service", "colleague", "net"}:
            return
        call = self._new_call(event.channel.id, "", dialled)
        self.around.switchboard.take(desk, call.id)
        self.elsewhere.came(call.id)
        if kind == "service":
            self._tasks.start_soon(self._serve, call, lambda call: serve_desk(call, desk, dialled, self._services))
        elif kind == "net":
            self._tasks.start_soon(self._serve, call, lambda call: be_on_net(call, desk, dialled))
        else:
            self._tasks.start_soon(self._serve, call, lambda call: call_colleague(call, desk, dialled))

    def _seen_by_the_caller(self, event: BridgeAttendedTransfer) -> BridgeAttendedTransfer:
        """The caller stays in their own call, in whichever of its two the phone was asked to join them."""
        turned = event.from_the_second()
        is_second = self._is_callers(turned.transferer_first_leg.id)
        return turned if is_second and not self._is_callers(event.transferer_first_leg.id) else event

    def _is_callers(self, leg: str) -> bool:
        """Whether somebody hears a caller by this leg."""
        return any(call.owns(leg) and self.stories.is_open(call.id) for call in self.calls.values())

    def _join(self, event: BridgeAttendedTransfer) -> None:
        """A phone joins its two calls: the leg of the second now belongs to the first (SOP V.6 by the phone's key)."""
        target = event.transfer_target
        if target is None or event.result != SUCCESS:
            return
        taker = next((call for call in self.calls.values() if call.owns(event.transferer_first_leg.id)), None)
        giver = next((call for call in self.calls.values() if call.owns(target.id)), None)
        if taker is not None and giver is not None:
            giver.give_away(target.id)
            taker.adopt_leg(target.id, lives=True)
            self.around.switchboard.hand_on(endpoint_of(target), taker.id)

    # ---- what supervisors do with a living call --------------------------------------------------

    def mark_living(self, call_id: str, actor: str, note: str | None) -> Marked | None:
        """SOP VII.f by a supervisor: one mark, and the talk ends with the salutation; None: the call is over.

        A caller whom nobody has answered yet is marked, and goes on waiting.
        """
        call = self.calls.get(call_id)
        if call is None or not self.stories.is_open(call_id):
            return None
        call.tell("call.classified", actor, kind="prank")
        has_blocked = call.around.blocking.mark(call_id, call.caller, actor, note=note)
        is_closing = call.was_answered
        if is_closing and not self.stories.is_closing(call_id):
            is_closing = self._deliver(call, Dismissed(actor, has_blocked))
        return Marked(is_closing=is_closing, has_blocked=has_blocked)

    def unblocked(self, number: str) -> None:
        """A number is not blocked any more: whoever waits to be verified for it hears of that (SOP VIII)."""
        for call in [call for call in self.calls.values() if call.caller == number]:
            self._deliver(call, Unblocked())

    def blocks_are_known(self) -> None:
        """Who is blocked is known since now: who was taken up in the lane, and is not, leaves it (SOP VIII)."""
        for call in list(self.calls.values()):
            if call.priority is Priority.VERIFICATION and self.around.blocking.is_free(call.caller):
                self._deliver(call, Unblocked())

    def classified(self, call_id: str, emergency: bool | None, kind: str | None) -> None:  # noqa: FBT001 - as entered
        """A supervisor has entered of what kind a living call is: as if the operator had said it by key (SOP V.4)."""
        del kind  # it is on no display
        call = self.calls.get(call_id)
        if call is not None and emergency is not None:
            call.is_emergency = emergency
            if emergency or call.priority is Priority.EMERGENCY:
                call.priority = Priority.EMERGENCY if emergency else Priority.TAKE_BACK
                self.around.switchboard.promote(call.id, call.priority)
            self._deliver(call, DisplayChanged())

    def living(self, call_id: str) -> Call | None:
        """A call to 110 that lives and has a flow; None: there is none, or it is being closed."""
        is_living = self.stories.is_open(call_id) and not self.stories.is_closing(call_id)
        return self.calls.get(call_id) if is_living else None

    def order(self, call: Call, order: Order) -> None:
        """Give a call an order, which it answers."""
        call.company.await_answer(order)
        if not self._deliver(call, order):
            order.refuse(TRY_AGAIN)

    def end_by_order(self, call: Call, actor: str, reason: str) -> bool:
        """A supervisor ends a call: the caller hears the salutation, in whatever state it is.

        False: it takes in nothing more.
        """
        return self._deliver(call, Dismissed(actor, has_blocked=False, reason=reason))

    def begin(self, watch: Call, procedure: Procedure) -> bool:
        """Serve what a supervisor has begun: a call of its own, in which nobody has called.

        False: we are about to end.
        """
        if self._is_stopping:
            return False
        self.calls[watch.id] = watch
        self._tasks.start_soon(self._serve, watch, procedure)
        return True

    def _deliver(self, call: Call, message: Delivered) -> bool:
        """Put a message into a call's inbox; False: it is full, and the call's flow is about to fail."""
        try:
            call.deliver(message)
        except InboxFull:
            log.error("call.inbox_full", call=call.id)
            return False
        return True

    def leg_lost(self, leg: str) -> None:
        """A leg was found missing: tell the call or the radio net that counts on it."""
        self.around.nets.leg_lost(leg)
        for call in self.calls.values():
            if leg in call.legs.certain():
                self._deliver(call, LegGone(leg))

    def leg_answered(self, leg: str) -> None:
        """A leg was found answered of which no event has told that: tell the call that it belongs to."""
        for call in self.calls.values():
            if leg in call.legs.awaited():
                self._deliver(call, LegAnswered(leg))

    # ---- calls ---------------------------------------------------------------------------------

    async def take(self, channel: str, number: str, dialled: str) -> None:
        """Claim a call that Asterisk offers, and serve it: SOP V.1.

        A call that somebody else claimed, or that is gone, is left alone.
        """
        if channel in self.calls or self._is_stopping:
            return
        call = self._new_call(channel, number, dialled)
        await self._serve(call, lambda call: self._claim_and_answer(call, number))

    async def adopt(self, call: Call, procedure: Procedure) -> None:
        """Serve a call of ``found``: one that is ours already, from a restart or a lost link."""
        await self._serve(call, procedure)

    async def hand_over(self) -> None:
        """The application is about to end: no new calls, callers who wait ring every desk, talks are left as they are.

        Returns when no flow acts any more. Whoever comes next finds the talks in Asterisk.
        """
        self._is_stopping = True
        for call in self.calls.values():
            self._deliver(call, Stop())
        while self.calls:
            self._idle.clear()  # it was set when the last call before these had ended
            await self._idle.wait()

    def owns(self, made: str) -> bool:
        """Whether a leg or bridge with this id is one that a flow works with."""
        return self.around.nets.owns(made) or any(call.owns(made) for call in self.calls.values())

    def found(self, channel: str, number: str, dialled: str) -> Call | None:
        """A ``Call`` for a caller who was found living; None when it has a flow after all, or we are about to end."""
        if channel in self.calls or self._is_stopping:
            return None
        call = self._new_call(channel, number, dialled)
        call.caller = e164(number, *self._place)
        call.legs.found(call.id, entered=False)
        self.elsewhere.came(channel)
        return call

    def received(self, call: Call, number: str, at: datetime | None = None) -> None:
        """The first line of a call's story; ``at`` is when it came in, None: now."""
        self.around.tell(call_received(call.id, caller=call.caller, number=number, dialled=call.dialled, at=at))

    def _new_call(self, channel: str, number: str, dialled: str) -> Call:
        call = Call(channel, number, dialled, self.around)
        self.calls[channel] = call
        return call

    async def _claim_and_answer(self, call: Call, number: str) -> None:
        if await self._claim(call, number) is not Claim.OURS:
            log.info("call.claimed_elsewhere")
            await call.end_own_legs()
            return
        self.received(call, number)
        call.legs.found(call.id, entered=False)  # its end may come before the hand-over, and then no event tells of it
        await answer_emergency_call(call)

    async def _claim(self, call: Call, number: str) -> Claim:
        """Claim a call. The desk's phone rings meanwhile: a caller is waiting.

        Asterisk takes the orders one after the other, and a claim takes it longer than an order to ring. Should the
        claim fail, the ringing ends before anyone hears it.
        """
        call.caller = e164(number, *self._place)  # the desk's display shows the marks against it
        is_blocked = self.around.blocking.is_blocked(call.caller)
        desk = None if is_blocked else self.around.switchboard.wait(call.id, call.deliver)
        if desk is None:
            return await self.around.asterisk.claim(call.id)
        ringing = asyncio.create_task(call.ring_ahead(desk))
        ringing.add_done_callback(_look_at)
        try:
            await asyncio.sleep(0)  # the order to ring goes out first
            claim = await self.around.asterisk.claim(call.id)
            if claim is Claim.OURS:  # else the desk must not wait for the order's turn: it is for nobody
                await ringing
        finally:
            ringing.cancel()
        return claim

    async def _serve(self, call: Call, procedure: Procedure) -> None:
        """Run a call's procedure. Whatever goes wrong in it stays in this call."""
        structlog.contextvars.bind_contextvars(call=call.id)
        is_amiss = False
        try:
            await procedure(call)
        except AriUnreachable as error:
            # The caller is where they were, in Asterisk; reconciling takes them up again.
            log.error("call.asterisk_unreachable", error=str(error))
            is_amiss = True
        except Stopping:
            if not call.talking:
                await self._rescue(call, "stopping")
        except Exception as error:
            log.exception("call.flow_failed")
            is_amiss = True
            await self._rescue(call, type(error).__name__)
        finally:
            del self.calls[call.id]
            if is_amiss:  # its desks are in the call still, and must not be free before that has been looked at
                desks = self.around.switchboard.desks.values()
                self.elsewhere.left([desk.extension for desk in desks if desk.call == call.id])
            call.forget()
            if is_amiss or self.stories.is_open(call.id):  # somebody must go on with it, or tell its end
                self.something_is_amiss.set()
            if not self.calls:
                self._idle.set()

    async def _rescue(self, call: Call, reason: str) -> None:
        """The flow failed: a talk goes on by itself, and a waiting caller goes back to the dialplan.

        So does one whose call was closed: the dialplan says the salutation, and no desk rings.
        """
        if not self.stories.is_open(call.id):
            return  # it was never ours, or its end has been told
        try:
            if call.is_up:
                await silence(self.around.asterisk, call.id)  # who was on hold hears the operator again
            if call.talking:
                log.warning("call.left_talking")
                return
            if call.is_up:
                await let_be_heard(self.around.asterisk, call.id)  # who was on a radio net
            await call.hand_back()
        except AriNotFound:
            outcome = "answered" if call.was_answered else "abandoned"
            if not call.was_answered:
                call.tell("call.abandoned", "caller", waited_ms=call.waited_ms())
            call.tell("call.ended", "caller", by="caller", outcome=outcome, cause=call.legs.cause(call.id, 0))
            return
        except AriConflict:
            pass  # the dialplan has them already
        except AriError as error:
            log.error("call.rescue_failed", error=str(error))
            return
        if not call.is_closed:
            call.tell("call.fallback", reason=reason)


def _look_at(done: asyncio.Task[None]) -> None:
    """Take note of a task's failure, which the one who made it may not have come to."""
    if not done.cancelled() and (error := done.exception()) is not None:
        log.info("call.not_rung_ahead", error=repr(error))
