"""Taking up what others left: after a start, after a lost link, and every few seconds.

``domain.recovery.decide`` says what must be done; here Asterisk is asked and it is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup

from ari_app.ari.commands import Claim, Commands
from ari_app.ari.errors import AriRefused
from ari_app.ari.model import Channel
from ari_app.domain import recovery as plan
from ari_app.domain.facts import Fact
from ari_app.flows.call import Call
from ari_app.flows.emergency import answer_emergency_call, talk
from ari_app.flows.router import Router

EVERY_SECONDS: Final = 5.0
_HELD_BY: Final = frozenset({"Stasis", "StasisBroadcast"})

Living = Callable[[], Mapping[str, str]]
"""The calls that have begun and not ended in the journal, each with the last action told of it."""

log = structlog.get_logger(__name__)


def seen(channel: Channel) -> plan.SeenChannel:
    """What recovery needs to know of a channel."""
    endpoint = channel.name.partition("/")[2].rpartition("-")[0]
    return plan.SeenChannel(
        id=channel.id,
        endpoint=endpoint,
        held=channel.dialplan.app_name in _HELD_BY,
        up=channel.state == "Up",
        number=channel.caller.number,
        dialled=channel.dialplan.exten,
    )


class Recovery:
    """Makes Asterisk, the journal and the flows agree."""

    def __init__(self, tasks: TaskGroup, router: Router, living: Living) -> None:
        """Adopted calls run in ``tasks``."""
        self._tasks = tasks
        self._router = router
        self._living = living

    @property
    def _asterisk(self) -> Commands:
        return self._router.around.asterisk

    async def after_gap(self) -> None:
        """Reconcile after a start or a lost link: events were lost, so nothing is taken for granted."""
        board = self._router.around.switchboard
        await self._asterisk.subscribe([f"endpoint:PJSIP/{desk}" for desk in board.desks])
        for endpoint in await self._asterisk.endpoints():
            board.phone(endpoint.resource, registered=endpoint.state == "online")
        # Subscribed first, looked at afterwards: what ends in between is missing from the second look.
        strange = [c.id for c in await self._asterisk.channels() if c.id not in self._router.around.switch]
        await self._asterisk.subscribe([f"channel:{channel}" for channel in strange])
        await self._reconcile(await self._stories())

    async def watch(self) -> None:
        """Reconcile every few seconds, for as long as the application runs."""
        while True:
            await anyio.sleep(EVERY_SECONDS)
            try:
                await self._reconcile(None)
            except Exception:
                # Losing one round is nothing; losing all of them would be.
                log.exception("recovery.failed")

    async def _stories(self) -> Mapping[str, str]:
        return await anyio.to_thread.run_sync(self._living)

    async def _reconcile(self, living: Mapping[str, str] | None) -> None:
        """One round; ``living`` None spares the journal a reading when nothing is amiss."""
        flows = frozenset(self._router.calls)
        legs = {leg for call in self._router.calls.values() for leg in call.certain_legs()}
        channels = [seen(channel) for channel in await self._asterisk.channels()]
        bridges = [
            plan.SeenBridge(bridge.id, frozenset(bridge.channels)) for bridge in await self._asterisk.bridges()
        ]
        actions = plan.decide(channels, bridges, flows=flows, legs=legs, living=frozenset(living or ()))
        if actions and living is None:
            living = await self._stories()
        for action in actions:
            log.info("recovery.action", action=type(action).__name__)
            try:
                await self._carry_out(action, living or {})
            except AriRefused as refused:
                log.info("recovery.too_late", status=refused.status)

    async def _carry_out(self, action: plan.Action, living: Mapping[str, str]) -> None:
        match action:
            case plan.LegLost(leg=leg):
                self._router.leg_lost(leg)
            case plan.AdoptTalk():
                self._adopt_talk(action, living)
            case plan.AdoptWaiting(caller=caller):
                await self._adopt_waiting(caller, living)
            case plan.EndStory(call=call):
                if living[call] != "call.fallback":
                    self._tell(call, "call.ended", by="system", outcome="lost", cause=0)
            case plan.InFallback(call=call):
                if living[call] != "call.fallback":
                    self._tell(call, "call.fallback", reason="application_lost")
            case plan.HangUpStray(leg=leg):
                if plan.call_of(leg) not in self._router.calls:
                    await self._asterisk.hangup(leg)
            case plan.DestroyStray(bridge=bridge):
                if plan.call_of(bridge) not in self._router.calls:
                    await self._asterisk.destroy_bridge(bridge)

    def _adopt_talk(self, action: plan.AdoptTalk, living: Mapping[str, str]) -> None:
        call = self._begin(action.caller, "talking", living)
        if call is None:
            return
        desk, leg = action.leg.endpoint, action.leg.id
        call.adopt_talk(leg, action.bridge)
        call.around.switchboard.adopt(desk, call.id)
        self._tasks.start_soon(self._router.adopt, call, lambda call: talk(call, desk, leg))

    async def _adopt_waiting(self, caller: plan.SeenChannel, living: Mapping[str, str]) -> None:
        claim = await self._asterisk.claim(caller.id)
        if claim is Claim.GONE:
            return  # the dialplan's fallback has them by now
        call = self._begin(caller, "waiting", living)
        if call is not None:
            self._tasks.start_soon(self._router.adopt, call, answer_emergency_call)

    def _begin(self, caller: plan.SeenChannel, state: str, living: Mapping[str, str]) -> Call | None:
        call = self._router.found(caller.id, caller.number, caller.dialled)
        if call is None:
            return None
        if caller.id not in living:
            self._router.received(call, caller.number)
        call.tell("call.adopted", state=state)
        return call

    def _tell(self, call: str, action: str, **data: str | int) -> None:
        self._router.around.tell(Fact("system", action, call, data))
