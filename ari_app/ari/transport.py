"""How orders and questions reach Asterisk.

Orders go over the event websocket while it stands: a fifth of the CPU of an HTTP request, and Asterisk does
not check the password each time. It serves them one after the other, so it is given a few at a time
(``precedence``), and questions with long answers, and orders while there is no websocket, go over HTTP on connections
that are kept alive.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import aiohttp
import msgspec

from ari_app.ari.errors import AriUnreachable, refusal
from ari_app.ari.model import RESTResponse
from ari_app.ari.precedence import Precedence, Window

COMMAND_SECONDS: Final = 5.0
"""How long an order may take, from when it is given, before Asterisk counts as unreachable."""

HTTP_ERROR: Final = 400
T = TypeVar("T")


class _Parameter(msgspec.Struct):
    name: str
    value: str


class _Request(msgspec.Struct, tag_field="type", tag="RESTRequest"):
    request_id: str
    transaction_id: str
    method: str
    uri: str
    query_strings: list[_Parameter]


_encoder: Final = msgspec.json.Encoder()


class Transport:
    """One Asterisk, and one user of its ARI. Use as an async context manager. Safe for any number of tasks at once."""

    def __init__(self, base_url: str, user: str, password: str) -> None:
        """Prepare a client for ``base_url`` (``http://127.0.0.1:8088/ari``); nothing is sent yet."""
        self._base = base_url
        self._auth = aiohttp.encode_basic_auth(user, password)
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RESTResponse]] = {}
        self._window = Window()
        self.heard = 0
        """How many messages have come over the event websocket so far."""
        self._is_fenced = False

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            headers={"Authorization": self._auth},
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=COMMAND_SECONDS),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool, for the event stream, which shares its credentials."""
        if self._session is None:
            msg = "the client is used outside its context"
            raise RuntimeError(msg)
        return self._session

    def fence(self) -> None:
        """From now on nothing more goes out: every order fails with ``AriUnreachable``, for good.

        Callers belong to somebody else now, and whatever flows still do while they end must not reach Asterisk.
        """
        self._is_fenced = True

    @contextmanager
    def orders_over(self, socket: aiohttp.ClientWebSocketResponse) -> Iterator[None]:
        """Send orders over this websocket inside; whoever reads it passes the answers to ``answered``."""
        self._socket = socket
        try:
            yield
        finally:
            self._socket = None
            waiting, self._waiting = self._waiting, {}
            for future in waiting.values():
                if not future.done():
                    future.set_exception(AriUnreachable("the websocket was lost before the answer came"))

    def answered(self, answer: RESTResponse) -> None:
        """The answer to an order has come."""
        future = self._waiting.pop(answer.request_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    async def _order(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        *,
        precedence: Precedence = Precedence.REST,
    ) -> bytes | str:
        """Have something done, or ask something with a short answer, which is returned.

        Raises:
            AriUnreachable, AriRefused, AriProtocolError: see ``errors``.
        """
        socket = self._socket
        if socket is None or self._is_fenced:
            return await self._send(method, path, query)
        await self._window.enter(precedence)
        try:
            return await self._give(socket, method, path, query)
        finally:
            self._window.leave()

    async def _give(
        self, socket: aiohttp.ClientWebSocketResponse, method: str, path: str, query: dict[str, str] | None
    ) -> bytes | str:
        """Give an order over the websocket on which it was to go, and wait for its answer."""
        if self._socket is not socket or self._is_fenced:
            raise AriUnreachable(f"{method} {path}: the websocket was lost while the order waited for its turn")
        loop = asyncio.get_running_loop()
        number = str(next(self._numbers))
        future = self._waiting[number] = loop.create_future()
        # A timer of the loop: a cancel scope would cost as much as all the rest of the order.
        timer = loop.call_later(COMMAND_SECONDS, _give_up, future)
        request = _Request(
            request_id=number,
            transaction_id=number,
            method=method,
            uri=path[1:],
            query_strings=[_Parameter(name, value) for name, value in (query or {}).items()],
        )
        try:
            await socket.send_str(_encoder.encode(request).decode())
            answer: RESTResponse = await future
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AriUnreachable(f"{method} {path}: {error!r}") from error
        finally:
            timer.cancel()
            self._waiting.pop(number, None)
        if answer.status_code >= HTTP_ERROR:
            raise refusal(answer.status_code, _reason(answer.message_body) or answer.reason_phrase)
        return answer.message_body

    async def _send(
        self, method: str, path: str, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> bytes:
        if self._is_fenced:
            raise AriUnreachable(f"{method} {path}: it is not ours to act any more")
        try:
            async with self.session.request(method, self._base + path, params=query, json=body) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise AriUnreachable(f"{method} {path}: {error!r}") from error
        if answer.status >= HTTP_ERROR:
            raise refusal(answer.status, _reason(content) or f"{method} {path}")
        return content

    async def _get(self, path: str, kind: type[T]) -> T:
        return msgspec.json.decode(await self._send("GET", path), type=kind)


def _give_up(future: asyncio.Future[RESTResponse]) -> None:
    if not future.done():
        future.set_exception(TimeoutError(f"no answer within {COMMAND_SECONDS:.0f} s"))


def _reason(content: bytes | str) -> str:
    try:
        answer = json.loads(content)
    except ValueError:
        return ""
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
