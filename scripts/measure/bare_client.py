"""An application that does for a call the least that any could do: ``bare`` measures it in the place of ours.

It takes the call, rings a desk, answers, joins the two, and ends what is left when one of them goes: in the order in
which ours does. There is no queue, no journal, no block list, no message to anybody, and nothing survives it. It has
our client of ARI and our event loop, so what it takes, and how late it answers, is what this way costs in Python with
these; the rest is what our flows do.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from dataclasses import dataclass, field
from typing import Final

import anyio
import structlog
import uvloop
from anyio.abc import TaskGroup

from ari_app import gate
from ari_app.ari.client import AsteriskClient
from ari_app.ari.closed_loop import ClosedLoop
from ari_app.ari.commands import Claim
from ari_app.ari.errors import AriError
from ari_app.ari.model import (
    CallBroadcast,
    ChannelDestroyed,
    ChannelStateChange,
    Event,
    StasisEnd,
    StasisStart,
)
from ari_app.ari.stream import EventStream
from ari_app.domain.display import Shown
from ari_app.domain.seen import bridge_id, call_of, leg_id
from ari_app.heartbeat import Heartbeat
from ari_app.program import RARELY, SWITCH_SECONDS
from ari_app.site import secrets as site_secrets
from ari_app.state_option import begin

RING_SECONDS: Final = 20

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Joined:
    """What a call waits for: the two legs are under our control; ``lifted``: the desk has answered."""

    caller: anyio.Event = field(default_factory=anyio.Event)
    desk: anyio.Event = field(default_factory=anyio.Event)
    lifted: anyio.Event = field(default_factory=anyio.Event)


class Joiner:
    """Joins every caller with the next desk."""

    def __init__(self, asterisk: AsteriskClient, desks: tuple[str, ...], tasks: TaskGroup) -> None:
        """``desks`` are rung in turn."""
        self._asterisk = asterisk
        self._desks = itertools.cycle(desks)
        self._tasks = tasks
        self._living: dict[str, Joined] = {}

    def on_event(self, event: Event) -> None:
        """One thing that has happened."""
        match event:
            case CallBroadcast(channel=caller):
                self._tasks.start_soon(self._take, caller.id, caller.caller.number)
            case StasisStart(channel=leg) if (call := call_of(leg.id)) is not None:
                if call in self._living:
                    self._living[call].desk.set()
                    self._lifted(call, leg.id)
            case StasisStart(channel=caller) if caller.id in self._living:
                self._living[caller.id].caller.set()
            case ChannelStateChange(channel=leg) if leg.state == "Up" and (call := call_of(leg.id)) is not None:
                self._lifted(call, leg.id)
            case StasisEnd(channel=channel) | ChannelDestroyed(channel=channel):
                self._tasks.start_soon(self._end, call_of(channel.id) or channel.id, channel.id)

    def _lifted(self, call: str, leg: str) -> None:
        """The desk has answered, whichever event tells it first."""
        joined = self._living.get(call)
        if joined is not None and not joined.lifted.is_set():
            joined.lifted.set()
            self._tasks.start_soon(self._join, call, leg, joined)

    async def _take(self, call: str, number: str) -> None:
        """Claim it; a desk rings meanwhile, and the order for that goes out first, as with ours."""
        self._living[call] = Joined()
        claim = Claim.GONE
        try:
            async with anyio.create_task_group() as both:
                both.start_soon(self._ring, call, number)
                await asyncio.sleep(0)
                claim = await self._asterisk.claim(call)
        except* AriError as errors:
            log.info("bare.not_claimed", errors=[repr(error) for error in errors.exceptions])
        if claim is not Claim.OURS:
            await self._end(call, call)

    async def _ring(self, call: str, number: str) -> None:
        leg, desk = leg_id(call, "1"), f"PJSIP/{next(self._desks)}"
        try:
            await self._asterisk.ring(leg, desk, originator=call, shown=Shown("", number), seconds=RING_SECONDS)
        except AriError:
            await self._end(call, leg)

    async def _join(self, call: str, leg: str, joined: Joined) -> None:
        bridge = bridge_id(call, "1")
        try:
            with anyio.fail_after(RING_SECONDS):
                await joined.caller.wait()
                await self._asterisk.answer(call)
                await self._asterisk.create_bridge(bridge)
                await joined.desk.wait()
            await self._asterisk.add_to_bridge(bridge, [call, leg])
        except (AriError, TimeoutError):
            await self._end(call)

    async def _end(self, call: str, gone: str = "") -> None:
        """``gone`` is the leg that has ended; whoever is left is let go."""
        if self._living.pop(call, None) is None:
            return
        left = [each for each in (call, leg_id(call, "1")) if each != gone]
        orders = [self._asterisk.hangup(each) for each in left]
        for order in (*orders, self._asterisk.destroy_bridge(bridge_id(call, "1"))):
            try:
                await order
            except AriError:
                continue  # gone by now


async def _run(asterisk: AsteriskClient, desks: tuple[str, ...]) -> None:
    heartbeat = Heartbeat(lambda: True)
    async with asterisk, anyio.create_task_group() as tasks:
        loop = ClosedLoop(asterisk)

        async def connected() -> None:
            loop.connected()
            heartbeat.ready()

        joiner = Joiner(asterisk, desks, tasks)
        stream = EventStream(
            asterisk, on_event=joiner.on_event, on_connected=connected, on_lost=lambda: None, on_echo=loop.came
        )
        tasks.start_soon(heartbeat.run)
        await gate.may_serve()
        tasks.start_soon(stream.run)
        tasks.start_soon(loop.run)


def main() -> int:
    """Run until it is ended; the exit code."""
    if not gate.may_begin():
        return 1
    state, settings = begin("bare", "The least that an application could do.")
    password = site_secrets.load(state, settings).ari["siaga110"]
    desks = tuple(desk.extension for desk in settings.polda_desks)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(*RARELY)
    uvloop.run(_run(AsteriskClient(f"http://{settings.asterisk.http}/ari", "siaga110", password), desks))
    return 0


if __name__ == "__main__":
    sys.exit(main())
