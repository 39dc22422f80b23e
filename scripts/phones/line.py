"""A phone's line to its server: its requests carry its name and password, its answers its address."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from scripts.phones import sip
from scripts.phones.dialog import Dialog
from scripts.phones.digest import Challenge
from scripts.phones.events import EventLog, PhoneError
from scripts.phones.sip import Headers, Message, uri_of
from scripts.phones.wire import OnResponse, Wire

_CHALLENGES: Final = (401, 407)


class Line:
    """What all calls of one phone share. ``account`` is extension and password, None without a password."""

    def __init__(self, server: tuple[str, int], user: str, account: tuple[str, str] | None) -> None:
        """Not connected yet: ``await connect(host, port)``."""
        self.server, self.user, self.account = server, user, account
        self.name = f"handset {user}"
        self.events = EventLog(self.name)
        self._wire: Wire | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def connect(self, host: str, port: int) -> None:
        """Bind the phone's SIP port."""
        self._wire = await Wire.open(self.server, host, port, self.take)

    @property
    def wire(self) -> Wire:
        """The phone's SIP port; PhoneError before there is one."""
        if self._wire is None:
            raise PhoneError(f"{self.name} is not connected")
        return self._wire

    @property
    def contact(self) -> str:
        """The URI at which the phone is reached."""
        return uri_of(self.user, self.wire.host, self.wire.port)

    def uri(self, user: str) -> str:
        """The URI of a number that is dialled at the server; a whole URI stays as it is."""
        if ":" in user:
            return user
        host, port = self.server
        return uri_of(user, host, port)

    def take(self, request: Message) -> None:
        """A request came for this phone."""
        raise NotImplementedError

    async def request(  # noqa: PLR0913 -- what a request is made of
        self,
        dialog: Dialog,
        method: str,
        headers: Iterable[tuple[str, str]] = (),
        body: str = "",
        *,
        on_sent: Callable[[Message], None] | None = None,
        on_response: OnResponse | None = None,
    ) -> Message:
        """Send a request, with the password when the server asks for it; its final answer.

        ``on_sent`` is called with each request before it goes out. PhoneTimeoutError when no answer comes.
        """
        credentials: Headers = []
        own = [("Contact", f"<{self.contact}>"), ("Allow", sip.ALLOWED), ("User-Agent", "Siaga-handset"), *headers]
        while True:
            message = dialog.request(method, [*own, *credentials], body)
            if on_sent is not None:
                on_sent(message)
            response = await self.wire.request(message, on_response=on_response)
            if response.code not in _CHALLENGES or self.account is None:
                return response
            challenge = Challenge.of(response)
            if any(name == challenge.header for name, _ in credentials):
                return response  # the password was refused
            credentials.append(challenge.answer(self.account, method, message.uri))

    def respond(
        self, request: Message, code: int, *, tag: str = "", headers: Iterable[tuple[str, str]] = (), body: str = ""
    ) -> None:
        """Answer a request; ``body`` is a session description."""
        own = [("Contact", f"<{self.contact}>"), ("Allow", sip.ALLOWED), *headers]
        if body:
            own.append(("Content-Type", "application/sdp"))
        self.wire.respond(request, request.response(code, tag=tag, headers=own, body=body))

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Do something beside; it ends with the phone, and a failure is told to whoever waits for an event."""
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.events.end(f"{type(error).__name__}: {error}")

    async def stop(self) -> None:
        """End everything that runs beside."""
        tasks = self._tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, PhoneError):
                await task
