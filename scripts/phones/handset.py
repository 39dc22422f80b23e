"""A desk phone that can be told what to do at any moment of a call; it speaks real SIP over UDP."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from typing import Self

from scripts.phones.dialog import Dialog
from scripts.phones.events import Event, PhoneEndedError, PhoneError, PhoneTimeoutError
from scripts.phones.handset_call import HandsetCall
from scripts.phones.leg import State
from scripts.phones.line import Line
from scripts.phones.ports import free_port
from scripts.phones.sip import Message, NameAddr, token, uri_of

_REFUSED = 300


class Handset(Line):
    """A phone of one account, or a caller without one; as many calls at once as there come.

    Events: ``registered``, ``unregistered``, ``refused`` (the registration, with ``code``), ``unanswered`` (the
    registration), ``rung``, and those of its calls.

    ``answers`` (seconds after which a call is answered, None: when told) and ``refuses`` (a code such as 486, 480,
    603) may be changed at any time; they count for calls to come.
    """

    def __init__(  # noqa: PLR0913 -- named, and each a thing of its own
        self,
        server: tuple[str, int],
        account: tuple[str, str] | None,
        identity: NameAddr,
        *,
        hz: float | None = None,
        answers: float | None = None,
        refuses: int | None = None,
        expires: int = 120,
    ) -> None:
        """Not connected yet: use ``await Handset.open(...)``."""
        super().__init__(server, account[0] if account else identity.user, account)
        self.identity = identity
        self.hz, self.answers, self.refuses, self.expires = hz, answers, refuses, expires
        self.calls: list[HandsetCall] = []
        """All calls so far, the ended ones too."""
        self.is_dead = False
        self._registration = Dialog.start(identity, f"sip:{server[0]}:{server[1]}")
        self._registration.remote = identity
        self._is_registered = False

    @classmethod
    async def open(  # noqa: PLR0913 -- named, and each a thing of its own
        cls,
        server: tuple[str, int],
        host: str,
        *,
        account: tuple[str, str] | None = None,
        number: str | None = None,
        name: str | None = None,
        port: int | None = None,
        hz: float | None = None,
        answers: float | None = None,
        refuses: int | None = None,
        expires: int = 120,
    ) -> Self:
        """A phone at ``host``; with an ``account`` it registers from now on, for ``expires`` seconds at a time.

        Without an account it calls as ``number``, None: anonymously. ``name`` is what it calls itself.
        """
        if account is not None:
            identity = NameAddr(name or "", uri_of(account[0], server[0]))
        elif number is not None:
            identity = NameAddr(name or "", uri_of(number, host))
        else:
            identity = NameAddr(name or "Anonymous", "sip:anonymous@anonymous.invalid")
        handset = cls(server, account, identity, hz=hz, answers=answers, refuses=refuses, expires=expires)
        await handset.connect(host, port or free_port(host))
        if account is not None:
            handset.spawn(handset._stay_registered())
        return handset

    # ---- registration

    async def _stay_registered(self) -> None:
        while True:
            try:
                response = await self._register(self.expires)
            except PhoneTimeoutError:  # a server that is away may come back
                self._tell("unanswered")
                continue
            if response.code >= _REFUSED:
                self._tell("refused", code=str(response.code))
                return
            self._is_registered = True
            self._tell("registered")
            await asyncio.sleep(self.expires / 2)

    async def _register(self, expires: int) -> Message:
        return await self.request(self._registration, "REGISTER", [("Expires", str(expires))])

    async def registered(self, *, count: int = 1, seconds: float = 5.0) -> None:
        """Return when the phone is registered (for the ``count``-th time); PhoneError when that is refused."""
        await self.events.until(
            lambda: bool(self.events.all("refused")) or len(self.events.all("registered")) >= count,
            seconds=seconds,
            what="registration",
        )
        for event in self.events.all("refused"):
            raise PhoneEndedError(f"{self.name}: the registration was refused with {event.fields['code']}")

    async def refused(self, *, seconds: float = 5.0) -> int:
        """Return the code with which the registration was refused."""
        return int((await self.events.wait("refused", seconds=seconds)).fields["code"])

    async def unregister(self) -> None:
        """Take the registration back; nothing when there is none. PhoneError when that is refused."""
        if not self._is_registered:
            return
        response = await self._register(0)
        if response.code >= _REFUSED:
            raise PhoneError(f"{self.name}: un-registration was refused with {response.code}")
        self._is_registered = False
        self._tell("unregistered")

    # ---- calls

    async def dial(self, number: str, *, headers: Iterable[tuple[str, str]] = ()) -> HandsetCall:
        """Dial a number or code, as ``201`` or ``*10*12345*6789``; returns when the INVITE is on its way.

        ``headers`` are names and values that go into the INVITE.
        """
        call = HandsetCall(self, Dialog.start(self.identity, self.uri(number)), self.hz)
        self.calls.append(call)
        call.place(headers)
        await call.events.wait("dialled", seconds=5.0)
        return call

    async def rung(self, *, count: int = 1, seconds: float = 10.0) -> HandsetCall:
        """The ``count``-th call that rang at this phone, as soon as it rings."""
        event = await self.events.wait("rung", count=count, seconds=seconds)
        return next(call for call in self.calls if call.dialog.call_id == event.call)

    @property
    def talking(self) -> list[HandsetCall]:
        """The calls that are answered and not over."""
        return [call for call in self.calls if call.state is State.ANSWERED]

    def take(self, request: Message) -> None:
        """A request came: for a call, to begin one, or for the phone as such."""
        call = next((each for each in self.calls if each.dialog.call_id == request.call_id), None)
        if call is not None:
            call.take(request)
        elif request.method == "INVITE" and not NameAddr.parse(request.get("to")).tag:
            self._invited(request)
        elif request.method in {"OPTIONS", "NOTIFY", "MESSAGE"}:
            self.respond(request, 200, tag=token())
        elif request.method != "ACK":
            self.respond(request, 405 if request.method in {"REGISTER", "SUBSCRIBE"} else 481, tag=token())

    def _invited(self, invite: Message) -> None:
        self.respond(invite, 100)
        call = HandsetCall(self, Dialog.of_invite(invite), self.hz, invite=invite)
        self.calls.append(call)
        self.spawn(self._be_rung(call))

    async def _be_rung(self, call: HandsetCall) -> None:
        if self.refuses is not None:
            await call.refuse(self.refuses)
            return
        await call.ring()
        if call.state is not State.RINGING:
            return
        self.events.add(Event("rung", call.dialog.call_id, time.time()))
        if self.answers is not None:
            with contextlib.suppress(PhoneError):  # the caller was faster, or is lost: the call knows
                await asyncio.sleep(self.answers)
                await call.answer()

    # ---- the end

    async def die(self) -> None:
        """Fall silent, as when the plug is pulled: no BYE, no sound, no answer to anything."""
        self.wire.deaf = self.is_dead = True
        for call in self.calls:
            call.audio.hush()
            call.events.end("its phone died")
        await self.stop()
        self.events.end("it died")

    async def leave(self) -> None:
        """End all calls and take the registration back; a phone that died gets its plug back for that."""
        self.wire.deaf = False
        await asyncio.gather(*(call.hang_up() for call in self.calls))
        await self.stop()
        await self.unregister()

    async def close(self) -> None:
        """Leave, as far as the server still listens, and give the ports back; a second time does nothing."""
        if self.wire.is_closed:
            return
        with contextlib.suppress(PhoneError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.leave()
        await self.stop()
        self.events.end("it was closed")
        for call in self.calls:
            call.audio.close()
        self.wire.close()

    def _tell(self, kind: str, **fields: str) -> None:
        self.events.add(Event(kind, self._registration.call_id, time.time(), fields))
