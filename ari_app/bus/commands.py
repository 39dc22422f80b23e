"""Commands over MQTT 5: a request at ``siaga110/command/NAME``, the answer at its response topic.

A request is ``{"version": 1, "supervisor": NAME, "arguments": {...}}`` with a response topic under
``siaga110/reply/`` and correlation data; the answer has the same correlation data and is ``{"done": true,
"result": ...}`` or ``{"done": false, "reason": "one sentence"}``. Who gets no answer may send the same request
again: it is carried out once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

import anyio
import anyio.to_thread
import msgspec
import structlog
from aiomqtt import Message, MqttError
from anyio.abc import TaskGroup
from paho.mqtt.subscribeoptions import SubscribeOptions

from ari_app.bus.broker import Broker, BusClient, publishing
from ari_app.bus.link import Link
from ari_app.bus.topics import COMMANDS, REPLIES
from ari_app.domain.commands import CommandRefused, Handler, order_id
from ari_app.domain.facts import Json

__all__ = ["EXPIRY_SECONDS", "LARGEST", "SUPERVISOR", "CommandRefused", "CommandServer", "Handler"]

SUPERVISOR: Final = r"\A[A-Za-z0-9._-]{1,64}\Z"
"""What a supervisor's name may be."""

LARGEST: Final = 65_536
"""Bytes of a request."""

ANSWER_SECONDS: Final = 4.5
"""Who gives an order waits for 5 s; what is not on disk by then is said not to be."""

LEAST_SECONDS: Final = 0.5
"""For the disk, after an order that itself took that long."""

EXPIRY_SECONDS: Final = 5
"""Requests and answers that nobody took by then are thrown away by the broker."""

AT_ONCE: Final = 32
"""Commands under way; those beyond are refused."""

REMEMBERED: Final = 500
"""Answers that are kept, for who asks again."""

_LONGEST_CORRELATION, _LONGEST_TOPIC, _MOST_TOPICS = 64, 256, 4

log = structlog.get_logger(__name__)


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[1]
    supervisor: Annotated[str, msgspec.Meta(pattern=SUPERVISOR)]
    arguments: dict[str, Any] = {}  # msgspec gives everyone a copy of their own


_requests: Final = msgspec.json.Decoder(_Request)


class _Asked:
    """A request that has been taken; ``answer`` is None as long as it is under way."""

    def __init__(self, correlation: bytes, topic: str) -> None:
        self.correlation = correlation
        self.topics = {topic}
        self.answer: bytes | None = None


class CommandServer:
    """Takes the commands of supervisors for as long as ``run`` runs."""

    def __init__(self, broker: Broker, handlers: Mapping[str, Handler], *, flush: Callable[[float], bool]) -> None:
        """``handlers`` by the command's name, ``operators.add``; nothing is connected yet.

        ``flush`` waits so many seconds at most until everything told so far is on disk, and says whether it is; it is
        called in a worker thread.
        """
        self._link = Link(broker, name="commands")
        self._handlers, self._flush = handlers, flush
        self._asked: OrderedDict[bytes, _Asked] = OrderedDict()
        self._under_way = 0
        self._client: BusClient | None = None

    async def run(self) -> None:
        """Serve for ever; a broker that is away is only logged, and tried again."""
        async with anyio.create_task_group() as tasks:
            await self._link.run(self._serve, lambda message: self._take(message, tasks))

    async def _serve(self, client: BusClient) -> None:
        # As published: otherwise a retained request, which would come again for ever, looks like any other.
        options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        await client.subscribe(f"{COMMANDS}+", options=options)
        self._client = client
        self._link.is_up()
        try:
            await anyio.sleep_forever()
        finally:
            self._client = None

    def _take(self, message: Message, tasks: TaskGroup) -> None:
        """Begin a command, or answer again what was asked before."""
        correlation, topic = _reply_to(message)
        if message.retain or correlation is None or topic is None:
            log.warning("commands.ignored", reason="retained" if message.retain else "no way to answer")
            return
        asked = self._asked.get(correlation)
        if asked is None and self._under_way >= AT_ONCE:
            self._asked[correlation] = asked = _Asked(correlation, topic)
            asked.answer = _refused("too many commands at once: try again")
            self._forget_old_ones()
            tasks.start_soon(self._publish, topic, correlation, asked.answer)
        elif asked is None:
            self._asked[correlation] = asked = _Asked(correlation, topic)
            self._under_way += 1
            tasks.start_soon(self._carry_out, message.topic.value.removeprefix(COMMANDS), message.payload, asked)
            self._forget_old_ones()
        elif asked.answer is not None:
            tasks.start_soon(self._publish, topic, correlation, asked.answer)
        elif len(asked.topics) < _MOST_TOPICS:
            asked.topics.add(topic)

    def _forget_old_ones(self) -> None:
        finished = [key for key, asked in self._asked.items() if asked.answer is not None]
        for key in finished[: max(0, len(self._asked) - REMEMBERED)]:
            del self._asked[key]

    async def _carry_out(self, command: str, payload: Any, asked: _Asked) -> None:  # noqa: ANN401 - aiomqtt's type
        order_id.set(asked.correlation.hex())  # each command has a task, and so a context, of its own
        try:
            asked.answer = await self._answer(command, payload, until=anyio.current_time() + ANSWER_SECONDS)
        finally:
            self._under_way -= 1
        for topic in asked.topics:
            await self._publish(topic, asked.correlation, asked.answer)

    async def _answer(self, command: str, payload: object, *, until: float) -> bytes:
        """Have it carried out; it is said to be done once it is on disk (DESIGN.md, principle 2)."""
        try:
            result = await self._result(command, payload)
            await self._write_down(max(LEAST_SECONDS, until - anyio.current_time()))
            return msgspec.json.encode({"done": True, "result": result})
        except CommandRefused as error:
            return _refused(str(error))
        except Exception:
            log.exception("commands.broken", command=command)
            return _refused("it failed: see the application's log")

    async def _write_down(self, seconds: float) -> None:
        if not await anyio.to_thread.run_sync(self._flush, seconds):
            raise CommandRefused("it is done, but not yet written down: see `siaga doctor`")

    async def _result(self, command: str, payload: object) -> Json:
        if not isinstance(payload, bytes | bytearray):
            raise CommandRefused("the request is empty")
        if len(payload) > LARGEST:
            raise CommandRefused(f"the request is larger than {LARGEST} bytes")
        handler = self._handlers.get(command)
        if handler is None:
            raise CommandRefused("there is no such command: this application is perhaps older than yours")
        try:
            request = _requests.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CommandRefused(f"the request cannot be read: {error}") from None
        return await handler(request.arguments, f"supervisor:{request.supervisor}")

    async def _publish(self, topic: str, correlation: bytes, answer: bytes) -> None:
        """Send an answer. Where that fails, who asked asks again."""
        if self._client is None:
            return
        try:
            properties = publishing(correlation=correlation, expiry=EXPIRY_SECONDS)
            await self._client.publish(topic, answer, qos=1, properties=properties)
        except (MqttError, OSError, ValueError, RuntimeError) as error:
            log.warning("commands.not_answered", reason=str(error))


def _reply_to(message: Message) -> tuple[bytes | None, str | None]:
    """Correlation data and response topic; None for what is missing or not acceptable."""
    correlation = getattr(message.properties, "CorrelationData", None)
    topic = getattr(message.properties, "ResponseTopic", None)
    if not isinstance(correlation, bytes) or not 0 < len(correlation) <= _LONGEST_CORRELATION:
        correlation = None
    if not isinstance(topic, str) or not topic.startswith(REPLIES) or len(topic) > _LONGEST_TOPIC or set(topic) & _WILD:
        topic = None
    return correlation, topic


_WILD: Final = frozenset("+#\0")


def _refused(reason: str) -> bytes:
    return msgspec.json.encode({"done": False, "reason": reason})
