"""The live floor on retained topics: ``calls/{id}``, ``desks/{extension}``, ``radio/{net}``, ``queue``.

All of it is folded from the journal's records, ahead of the stream: after an outage the screens are right at once,
however far the stream is behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import anyio
from aiomqtt import Message

from ari_app.bus import topics
from ari_app.bus.broker import BusClient
from ari_app.bus.payloads import CallState, DeskState, NetState, QueueState, Today, Waiting
from ari_app.domain.desk_rows import WRAPPING_UP
from ari_app.domain.floor import Floor, FloorDesk, FloorNet, LivingCall
from ari_app.domain.radio import OFFICER, SYSTEM

TICK_SECONDS: Final = 1.0
"""How often it is looked whether a new day has begun, and whose wrap-up is over."""


class Clock(Protocol):
    """The site's time."""

    def now(self) -> str:
        """ISO 8601 with the site's offset."""
        ...

    def today(self) -> str:
        """The date, ``2025-01-31``."""
        ...


class Board:
    """Publishes one floor."""

    def __init__(self, floor: Floor, clock: Clock) -> None:
        """Nothing is published yet."""
        self._floor = floor
        self._clock = clock
        self._stray: set[str] = set()
        self._queue: QueueState | None = None

    async def run(self, client: BusClient, follow: Callable[[], Awaitable[None]]) -> None:
        """Publish everything, and then what changes; ``follow`` folds what is new, or waits for it a while.

        Raises:
            MqttError: the broker is gone.
            JournalNotRead: from ``follow``.
        """
        self._queue = None
        # What ended before is not among them: what the broker still has of it comes back to us (``saw``).
        self._floor.changed_calls = set(self._floor.calls)
        self._floor.changed_desks = set(self._floor.desks)
        self._floor.changed_nets = set(self._floor.nets)
        while True:
            self._floor.pass_time(self._clock.now())
            await self._publish(client)
            with anyio.move_on_after(TICK_SECONDS):
                await follow()

    def saw(self, message: Message) -> None:
        """A retained state from before: what is not there any more is cleared."""
        topic = message.topic.value
        call, desk, net = topics.call_in(topic), topics.desk_in(topic), topics.net_in(topic)
        if message.payload and (
            (call is not None and call not in self._floor.calls)
            or (desk is not None and desk not in self._floor.desks)
            or (net is not None and net not in self._floor.nets)
        ):
            self._stray.add(topic)

    async def _publish(self, client: BusClient) -> None:
        calls, self._floor.changed_calls = self._floor.changed_calls, set()
        desks, self._floor.changed_desks = self._floor.changed_desks, set()
        nets, self._floor.changed_nets = self._floor.changed_nets, set()
        stray, self._stray = self._stray, set()
        for id_ in filter(topics.is_level, calls):
            call = self._floor.calls.get(id_)
            payload = call_state(call).model_dump_json() if call is not None else ""
            await client.send(topics.call(id_), payload, retain=True)
        for name in desks:
            await client.send(topics.desk(name), desk_state(self._floor.desks[name]).model_dump_json(), retain=True)
        for name in nets:
            await client.send(topics.net(name), net_state(self._floor.nets[name]).model_dump_json(), retain=True)
        for topic in stray:
            await client.send(topic, "", retain=True)
        queue = queue_state(self._floor, self._clock.today())
        if self._queue is None or queue.model_copy(update={"seq": self._queue.seq}) != self._queue:
            await client.send(topics.QUEUE, queue.model_dump_json(), retain=True)
            self._queue = queue


def call_state(call: LivingCall) -> CallState:
    """The message of a living call."""
    row = call.row
    return CallState(
        seq=call.seq,
        id=row.id,
        caller=row.caller,
        dialled=row.dialled,
        state=row.state,
        since=call.since,
        waiting_since=call.waiting_since,
        priority=call.priority,
        kind=row.kind,
        emergency=row.emergency,
        operator=row.operator,
        desk=row.desk,
        polres=row.polres,
        ticket=row.ticket,
        received_at=row.received_at,
        answered_at=row.answered_at,
    )


def desk_state(desk: FloorDesk) -> DeskState:
    """The message of a desk."""
    row = desk.row
    return DeskState(
        seq=desk.seq,
        extension=row.extension,
        unit=desk.place.unit,
        state=desk.state,
        since=desk.since,
        operator=row.operator,
        registered=row.registered,
        ready=row.ready,
        reason=row.reason,
        call=row.call,
        colleague=row.colleague,
        wrapup_until=row.wrapup_until if desk.state == WRAPPING_UP else None,
    )


def net_state(net: FloorNet) -> NetState:
    """The message of a radio net."""
    row = net.row
    is_desk = row.talker not in {None, OFFICER, SYSTEM}
    return NetState.model_validate(
        {
            "seq": net.seq,
            "net": row.net,
            "name": net.name,
            "line": row.line,
            "line_since": row.since,
            "floor": "desk" if is_desk else row.talker or "idle",
            "desk": row.talker if is_desk else None,
            "call": row.call,
            "floor_since": row.floor_since,
            "desks": row.desks,
        }
    )


def queue_state(floor: Floor, day: str) -> QueueState:
    """The message of the queue."""
    tally = floor.tally(day)
    return QueueState(
        seq=floor.seq,
        waiting=tuple(
            Waiting(
                call=call.row.id,
                since=call.waiting_since or call.since,
                priority=call.priority,
                emergency=call.row.emergency,
                ringing=call.row.state == "ringing",
            )
            for call in floor.waiting()
        ),
        ready_desks=floor.ready_desks(),
        today=Today(
            date=day,
            received=tally.received,
            answered=tally.answered,
            answered_within_10s=tally.answered_quickly,
            abandoned=tally.abandoned,
        ),
    )
