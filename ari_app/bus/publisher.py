"""One connection for all that is told: the journal's stream, the live floor, and that the publisher is there."""

from __future__ import annotations

import secrets as random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import anyio
from aiomqtt import Message, MqttError
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import ValidationError

from ari_app.bus import topics
from ari_app.bus.board import Board, Clock
from ari_app.bus.broker import Broker, BusClient
from ari_app.bus.link import STEP_SECONDS, Link
from ari_app.bus.payloads import LastRecord
from ari_app.bus.presence import last_will, say_offline, say_online
from ari_app.bus.stream import JournalStream, Kept, Place, Source
from ari_app.domain.floor import Floor


class Journal(Source, Protocol):
    """The journal, as stream and floor read it at the same time. Every method may raise ``JournalNotRead``."""

    async def restore(self) -> Floor:
        """The floor after the journal's last line."""
        ...

    async def follow(self, floor: Floor) -> None:
        """Fold lines behind those that the floor has; return when it has some more."""
        ...


class Publisher:
    """Tells what the journal holds, until ``close``."""

    def __init__(
        self, broker: Broker, open_journal: Callable[[], AbstractAsyncContextManager[Journal]], kept: Kept, clock: Clock
    ) -> None:
        """Nothing is connected yet. ``open_journal`` may raise ``JournalNotRead``."""
        identifier, will = broker.identifier("publisher"), last_will(topics.PUBLISHER_STATUS)
        self._link = Link(broker, name="publisher", identifier=identifier, will=will)
        self._open_journal = open_journal
        self._clock = clock
        self._stream = JournalStream(kept)
        self._floor: Floor | None = None
        self._board: Board | None = None
        self._echo = ""
        self._echoed = anyio.Event()
        self._mark: Place | None = None

    async def run(self) -> None:
        """Publish; a broker that is away is only logged, and tried again. It returns after ``close``."""
        await self._link.run(self._publish, self._take)

    def close(self) -> None:
        """Have ``run`` return when everything is published. Where no broker can be reached, it never does."""
        self._stream.closing.set()

    def _take(self, message: Message) -> None:
        topic = message.topic.value
        if topic == topics.JOURNAL_LAST:
            self._mark = _place(message)
        elif topic == self._echo:
            self._echoed.set()
        elif self._board is not None:
            self._board.saw(message)

    async def _publish(self, client: BusClient) -> None:
        async with self._open_journal() as journal:
            accepted = await self._accepted(client)
            floor = self._floor
            if floor is None or not floor.seq or not await journal.has(Place(floor.seq, floor.hash)):
                floor = await journal.restore()
            self._floor = floor
            self._board = board = Board(floor, self._clock)
            ours = SubscribeOptions(qos=1, noLocal=True)
            every = (topics.EVERY_CALL, topics.EVERY_DESK, topics.EVERY_NET)
            await client.subscribe([(topic, ours) for topic in every])
            await say_online(client, topics.PUBLISHER_STATUS, self._clock.now())
            self._link.is_up()
            await _until_first(
                lambda: self._stream.run(client, journal, accepted),
                lambda: board.run(client, lambda: journal.follow(floor)),
            )
            await say_offline(client, topics.PUBLISHER_STATUS)

    async def _accepted(self, client: BusClient) -> Place | None:
        """The last line that the broker itself knows to have; None: it knows of none.

        A message to ourselves comes back behind what was retained.
        """
        self._mark, self._echoed = None, anyio.Event()
        self._echo = f"{topics.REPLIES}application/{random.token_hex(8)}"
        await client.subscribe([(topics.JOURNAL_LAST, SubscribeOptions(qos=1)), (self._echo, SubscribeOptions(qos=1))])
        with anyio.move_on_after(STEP_SECONDS):
            await client.send(self._echo, b"")
            await self._echoed.wait()
        if not self._echoed.is_set():
            raise MqttError("it does not give back what is sent to it")
        await client.unsubscribe([topics.JOURNAL_LAST, self._echo])
        return self._marked()

    def _marked(self) -> Place | None:
        return self._mark


def _place(message: Message) -> Place | None:
    try:
        mark = LastRecord.model_validate_json(message.payload)
    except ValidationError:
        return None
    return Place(mark.seq, mark.hash)


async def _until_first(stream: Callable[[], Awaitable[None]], board: Callable[[], Awaitable[None]]) -> None:
    """Run both until the stream is at its end. The first error ends both, and is raised."""
    trouble: list[Exception] = []

    async def guarded(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (MqttError, OSError) as error:
            trouble.append(error)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(guarded, stream)
        tasks.start_soon(guarded, board)
    if trouble:
        raise trouble[0]
