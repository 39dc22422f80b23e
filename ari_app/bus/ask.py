"""Giving the running application a command, and waiting for its answer.

::

    AskRefused          it was not carried out; the text says why
    NobodyAnswered      no answer came
     └─ NotReached      because the broker cannot be reached: nothing was asked
"""

from __future__ import annotations

import math
import secrets as random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import anyio
import msgspec
from aiomqtt import Client, MqttError
from aiomqtt.exceptions import MqttConnectError

from ari_app.bus.broker import Broker, broker_of, connect, publishing
from ari_app.bus.commands import EXPIRY_SECONDS
from ari_app.bus.topics import COMMANDS, REPLIES
from ari_app.domain.facts import Json
from ari_app.site.secrets import Secrets
from ari_app.site.settings import Settings

AGAIN_SECONDS: Final = 1.0
"""A request that is not answered is sent again after so long: it is carried out once, however often it comes."""

_PAUSE_SECONDS: Final = 0.2

_STEP_SECONDS: Final = 2.0
"""So long the broker has for each step. One that dies in the middle of it says nothing, and the client waits on."""


class AskRefused(Exception):
    """The command was not carried out; the text is one sentence."""


class NobodyAnswered(Exception):
    """No answer came in time; the text is one sentence."""


class NotReached(NobodyAnswered):
    """The broker cannot be reached, so nothing was asked."""


def ask(  # noqa: PLR0913 - what, of whom, by whom
    settings: Settings,
    secrets: Secrets,
    command: str,
    arguments: Mapping[str, Json],
    *,
    supervisor: str,
    seconds: float = 5.0,
) -> Json:
    """Have a command such as ``operators.add`` carried out; its result. Not where an event loop runs already.

    Raises:
        AskRefused: it was refused.
        NobodyAnswered: no answer came within ``seconds``.
    """
    broker = broker_of(settings.mqtt, secrets, "supervisor")
    return anyio.run(_ask, broker, command, arguments, supervisor, seconds)


async def _ask(broker: Broker, command: str, arguments: Mapping[str, Json], supervisor: str, seconds: float) -> Json:
    exchange = _Exchange(command, _request(arguments, supervisor), time.monotonic() + seconds)
    while exchange.left > 0:
        try:
            async with connect(broker, timeout=min(max(exchange.left, 0.1), _STEP_SECONDS)) as client:
                answer = await exchange.run(client)
        except MqttConnectError as error:
            raise NobodyAnswered(f"the broker at {broker} does not let us in: {error}") from None
        except (MqttError, OSError) as error:
            if not exchange.is_sent:
                raise NotReached(f"the broker at {broker} cannot be reached: {error}") from None
            await anyio.sleep(_PAUSE_SECONDS)
        else:
            if answer is not None:
                return _result_of(exchange, answer)
    raise NobodyAnswered(_silence(seconds))


REACH_SECONDS: Final = 5.0
"""So long ``ask_each`` tries to reach the broker."""

IN_FLIGHT: Final = 4
"""Requests of ``ask_each`` under way: while some are carried out, or wait for the disk, the next are sent."""


def ask_each(  # noqa: PLR0913 - what, of whom, by whom, and what then
    settings: Settings,
    secrets: Secrets,
    command: str,
    requests: Iterator[tuple[int, Mapping[str, Json]]],
    *,
    supervisor: str,
    on_result: Callable[[int, Json], None],
    seconds: float = 30.0,
) -> None:
    """Have a command carried out many times, on few connections; ``on_result`` gets each one's number and its result.

    ``seconds`` is what each may take. A connection that drops, or a broker that is not there yet, is tried again, for
    ``REACH_SECONDS`` where nothing has been asked. Not where an event loop runs already.

    Raises:
        AskRefused, NobodyAnswered: as ``ask``; others before it were carried out, and perhaps it and the next.
        Exception: what ``on_result`` raised. It must be no OSError: that is taken for a broker that is away.
    """
    broker = broker_of(settings.mqtt, secrets, "supervisor")

    async def all_of_them() -> None:
        trouble: list[Exception] = []

        async def one() -> None:
            try:
                await _series(broker, command, requests, supervisor, seconds, on_result)
            except Exception as error:  # raised below, by itself: not in a group
                trouble.append(error)
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.start_soon(one)
        if trouble:
            raise trouble[0]

    anyio.run(all_of_them)


async def _series(  # noqa: PLR0913, PLR0917 - as ask_each
    broker: Broker,
    command: str,
    requests: Iterator[tuple[int, Mapping[str, Json]]],
    supervisor: str,
    seconds: float,
    on_result: Callable[[int, Json], None],
) -> None:
    """Ask for one after the other, on one connection for as long as it holds."""

    def following() -> tuple[int, _Exchange] | None:
        for number, arguments in requests:
            return number, _Exchange(command, _request(arguments, supervisor), time.monotonic() + seconds)
        return None

    current = following()
    away_since: float | None = None
    while current is not None:
        number, exchange = current
        try:
            async with connect(broker, timeout=min(max(exchange.left, 0.1), _STEP_SECONDS)) as client:
                away_since = None
                while current is not None:
                    number, exchange = current
                    answer = await exchange.run(client)
                    if answer is None:
                        raise NobodyAnswered(_silence(seconds))
                    on_result(number, _result(answer))
                    current = following()
        except MqttConnectError as error:
            raise NobodyAnswered(f"the broker at {broker} does not let us in: {error}") from None
        except (MqttError, OSError) as error:
            if exchange.left <= 0:
                raise NobodyAnswered(_silence(seconds)) from None
            away_since = away_since or time.monotonic()
            if not exchange.is_sent and time.monotonic() - away_since >= REACH_SECONDS:
                raise NotReached(f"the broker at {broker} cannot be reached: {error}") from None
            await anyio.sleep(_PAUSE_SECONDS)


def _request(arguments: Mapping[str, Json], supervisor: str) -> bytes:
    return msgspec.json.encode({"version": 1, "supervisor": supervisor, "arguments": arguments})


def _silence(seconds: float) -> str:
    return f"the application did not answer within {seconds:g} s: `siaga journal tail` shows whether it was done"


class _Exchange:
    """One request, over as many connections as it takes."""

    def __init__(self, command: str, request: bytes, deadline: float) -> None:
        self.sent = 0
        """How often it was."""
        self._topic = COMMANDS + command
        self._request = request
        self._deadline = deadline
        self._correlation = random.token_bytes(16)
        self._replies = f"{REPLIES}supervisor/{random.token_hex(8)}"

    @property
    def is_sent(self) -> bool:
        """Whether it may have been carried out."""
        return self.sent > 0

    @property
    def left(self) -> float:
        """Seconds until nobody waits any more."""
        return self._deadline - time.monotonic()

    async def run(self, client: Client) -> bytes | None:
        """Ask until there is an answer; None: none came in time."""
        await client.subscribe(self._replies, qos=1)
        while self.left > 0:
            properties = publishing(
                correlation=self._correlation,
                expiry=min(EXPIRY_SECONDS, max(1, math.ceil(self.left))),
                response_topic=self._replies,
            )
            self.sent += 1
            await client.publish(self._topic, self._request, qos=1, properties=properties)
            with anyio.move_on_after(min(AGAIN_SECONDS, max(0, self.left))):
                return await self._answer(client)
        return None

    async def _answer(self, client: Client) -> bytes:
        async for message in client.messages:
            is_ours = getattr(message.properties, "CorrelationData", None) == self._correlation
            if is_ours and isinstance(message.payload, bytes):
                return message.payload
        raise MqttError("the connection was closed")


def _result_of(exchange: _Exchange, answer: bytes) -> Json:
    """As ``_result``. An application that died behind the deed has left its answer to the next, which finds it done."""
    try:
        return _result(answer)
    except AskRefused as refused:
        if exchange.sent == 1:
            raise
        hint = "it was asked more than once, and the first time may have done it: see `siaga journal tail`"
        raise AskRefused(f"{refused}; {hint}") from None


def _result(answer: bytes) -> Json:
    try:
        content: Any = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AskRefused("the application's answer cannot be read") from None
    if content.get("done") is not True:
        raise AskRefused(str(content.get("reason") or "the application did not say why"))
    result: Json = content.get("result")
    return result
