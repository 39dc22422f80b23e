"""The live floor for who looks at it: what the retained topics say, kept up to date."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from aiomqtt import Message, MqttError
from paho.mqtt.subscribeoptions import SubscribeOptions
from pydantic import ValidationError

from ari_app.bus import topics
from ari_app.bus.broker import Broker, BusClient
from ari_app.bus.link import STEP_SECONDS, Link
from ari_app.bus.payloads import Alarm, Alarms, CallState, DeskState, NetState, QueueState, Status

_TOPICS = (
    topics.EVERY_CALL,
    topics.EVERY_DESK,
    topics.EVERY_NET,
    topics.QUEUE,
    topics.STATUS,
    topics.PUBLISHER_STATUS,
    topics.ALARMS,
)


@dataclass(slots=True)
class FloorView:
    """The floor as it was told; None and empty: nothing has been told of it."""

    calls: dict[str, CallState] = field(default_factory=dict)
    desks: dict[str, DeskState] = field(default_factory=dict)
    nets: dict[str, NetState] = field(default_factory=dict)
    queue: QueueState | None = None
    application: Status | None = None
    publisher: Status | None = None
    alarms: tuple[Alarm, ...] = ()
    unread: set[str] = field(default_factory=set)
    """Topics whose last message this program cannot read: it is older than who wrote it."""

    def take(self, topic: str, payload: bytes) -> None:
        """Take one message in."""
        try:
            self._take(topic, payload)
        except ValidationError:
            self.unread.add(topic)
        else:
            self.unread.discard(topic)

    def _take(self, topic: str, payload: bytes) -> None:
        for name, kept, model in (
            (topics.call_in(topic), self.calls, CallState),
            (topics.desk_in(topic), self.desks, DeskState),
            (topics.net_in(topic), self.nets, NetState),
        ):
            if name is not None:
                if payload:
                    kept[name] = model.model_validate_json(payload)  # type: ignore[assignment]  # each its own
                else:
                    kept.pop(name, None)
                return
        if topic == topics.QUEUE:
            self.queue = QueueState.model_validate_json(payload) if payload else None
        elif topic == topics.STATUS:
            self.application = Status.model_validate_json(payload) if payload else None
        elif topic == topics.PUBLISHER_STATUS:
            self.publisher = Status.model_validate_json(payload) if payload else None
        elif topic == topics.ALARMS:
            self.alarms = Alarms.model_validate_json(payload).alarms if payload else ()


class Viewer:
    """Keeps a ``view`` for as long as ``run`` runs; while the link is lost it stays as it was."""

    def __init__(self, broker: Broker, on_change: Callable[[], None]) -> None:
        """``on_change`` is called when there is something new to see. Nothing is connected yet."""
        self.view: FloorView | None = None
        """None: it has not been told yet."""
        self.is_up = False
        self._link = Link(broker, name="watch")
        self._on_change = on_change
        self._coming = FloorView()
        self._echo = ""
        self._echoed = anyio.Event()

    @property
    def trouble(self) -> str:
        """Why the link is lost; empty: it is not known (yet)."""
        return self._link.trouble

    async def run(self) -> None:
        """Follow for ever; a broker that is away is tried again and again."""
        await self._link.run(self._follow, self._take)

    async def _follow(self, client: BusClient) -> None:
        # What was cleared meanwhile is not told: the view is made anew, and shown once all of it is there.
        self._coming, self._echoed = FloorView(), anyio.Event()
        self._echo = f"{topics.REPLIES}supervisor/{random.token_hex(8)}"
        await client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in (*_TOPICS, self._echo)])
        with anyio.move_on_after(STEP_SECONDS):
            await client.send(self._echo, b"")
            await self._echoed.wait()
        if not self._echoed.is_set():
            raise MqttError("it does not give back what is sent to it")
        self.view, self.is_up = self._coming, True
        self._link.is_up()
        self._on_change()
        try:
            await anyio.sleep_forever()
        finally:
            self.is_up = False
            self._on_change()

    def _take(self, message: Message) -> None:
        topic = message.topic.value
        if topic == self._echo:
            self._echoed.set()
        elif isinstance(message.payload, bytes):
            self._coming.take(topic, message.payload)
            if self.is_up:
                self._on_change()
