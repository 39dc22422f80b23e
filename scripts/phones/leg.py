"""The SIP side of one call of a handset: how it begins, what is agreed on, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterable
from enum import Enum
from typing import Final

from scripts.phones import sdp
from scripts.phones.audio import Audio
from scripts.phones.dialog import Dialog
from scripts.phones.events import Event, EventLog, PhoneEndedError, PhoneError, PhoneTimeoutError
from scripts.phones.line import Line
from scripts.phones.sdp import Sdp
from scripts.phones.sip import Headers, Message, NameAddr, causes, identity, sipfrag_code
from scripts.phones.wire import T1, T2

_SDP: Final = ("Content-Type", "application/sdp")
_PENDING: Final = 491
_RINGING, _PROGRESS = 180, 183
_FINAL, _REFUSED = 200, 300
_GIVE_UP_SECONDS: Final = 8.0


class State(Enum):
    """How far a call has come; CALLING is dialled, RINGING is being rung."""

    CALLING = "calling"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Leg:
    """One call, with its own sound (``audio``) and all that happened to it (``events``).

    Events: ``dialled``, ``ringing``, ``early`` (sound before the answer), ``answered``, ``display`` (``name``,
    ``number``), ``offered`` (the other side's ``direction``), ``transfer`` (``code``), ``ended`` (``by``, ``how``).
    """

    def __init__(self, line: Line, dialog: Dialog, hz: float | None, *, invite: Message | None = None) -> None:
        """``invite`` is the other side's; None when we dial."""
        self.line, self.dialog, self.audio = line, dialog, Audio(hz)
        self.audio.carry = line.wire.carry
        self.incoming = invite is not None
        self.state = State.RINGING if self.incoming else State.CALLING
        self.events = EventLog(f"{line.name}'s call {'from' if self.incoming else 'to'} {dialog.remote.user}")
        self.held = False
        self.offer: Sdp | None = None
        """What the other side said last of its sound."""
        shown = (identity(invite) if invite else None) or dialog.remote
        self.caller_name, self.caller_number = shown.name, shown.user
        self.ended_by: str | None = None
        self.ending: str | None = None
        self.code: int | None = None
        self.causes: dict[str, int] = {}
        self.transfer_codes: list[int] = []
        self._invite = invite
        self._direction, self._version = "sendrecv", 0
        self._placing: asyncio.Task[None] | None = None
        self._is_underway = self._gives_up = self._cancels = self._offers = False
        self._unacknowledged: dict[int, asyncio.Event] = {}

    def tell(self, kind: str, **fields: str) -> None:
        """Something happened."""
        event = Event(kind, self.dialog.call_id, time.time(), fields)
        self.events.add(event)
        self.line.events.add(event)

    def finish(self, by: str, how: str, *, code: int | None = None, message: Message | None = None) -> None:
        """The call is over; whatever ended it first counts."""
        if self.state is State.ENDED:
            return
        self.state, self.ended_by, self.ending, self.code = State.ENDED, by, how, code
        self.causes = causes(message) if message else {}
        self.audio.hush()
        for waiting in self._unacknowledged.values():
            waiting.set()
        self.tell("ended", by=by, how=how, **({"code": str(code)} if code else {}))
        self.events.end(f"{how} by {by}" + (f" with {code}" if code else ""))

    # ---- we dial

    def place(self, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Dial; ``headers`` go into the INVITE."""
        self._placing = self.line.spawn(self._place([_SDP, *headers]))

    async def _place(self, headers: Headers) -> None:
        await self.audio.bind(self.line.wire.host)
        try:
            response = await self.line.request(
                self.dialog, "INVITE", headers, self._description(), on_sent=self._sent, on_response=self._dialled
            )
        except PhoneTimeoutError:
            self.finish("other", "lost")
            return
        if response.code >= _REFUSED:
            by, how = ("self", "cancelled") if self._gives_up else ("other", "refused")
            self.finish(by, how, code=response.code, message=response)

    def _sent(self, invite: Message) -> None:
        if self._invite is None:
            self.tell("dialled")
        self._invite, self._is_underway = invite, False

    def _dialled(self, invite: Message, response: Message) -> None:
        self._is_underway = True
        if response.code < _FINAL:
            self._progress(response)
            if self._gives_up:
                self._cancel()
        elif response.code < _REFUSED:
            self.dialog.learn(response)
            self.line.wire.acknowledge(invite, self.dialog.ack(invite))
            if self.state is State.CALLING:
                self.state = State.ANSWERED
                self._show(response)
                self._agree(Sdp.parse(response.body))
                self.tell("answered")
            if self._gives_up:  # the answer was faster than our CANCEL
                self.line.spawn(self._bye())

    def _progress(self, response: Message) -> None:
        if not NameAddr.parse(response.get("to")).tag or self.state is not State.CALLING:
            return
        self.dialog.learn(response)
        self._show(response)
        description = Sdp.parse(response.body)
        if description is not None:
            self._agree(description)
            self.tell("early", code=str(response.code))
        if response.code == _RINGING:
            self.tell("ringing")

    def _cancel(self) -> None:
        if self._is_underway and not self._cancels and self._invite is not None:
            self._cancels = True
            kept = {"Max-Forwards", "From", "To", "Call-ID", "Route"}
            headers = [each for each in self._invite.headers if each[0] in kept]
            cancel = Message(f"CANCEL {self._invite.uri} SIP/2.0", [*headers, ("CSeq", f"{self._invite.cseq} CANCEL")])
            self.line.spawn(self._ask(cancel, self._invite.branch))

    async def _ask(self, message: Message, branch: str) -> None:
        with contextlib.suppress(PhoneTimeoutError):
            await self.line.wire.request(message, branch=branch)

    # ---- we are rung

    async def ring(self) -> None:
        """Say that it rings; the call is refused when the other side does not speak A-law."""
        await self.audio.bind(self.line.wire.host)
        if self.state is not State.RINGING or self._invite is None:
            return
        offer = Sdp.parse(self._invite.body)
        if offer is not None and not offer.has_pcma:
            await self.refuse(488)
            return
        self.line.respond(self._invite, _RINGING, tag=self.dialog.local.tag)
        self.tell("ringing")

    async def answer(self, *, seconds: float = 5.0) -> None:
        """Answer, and return when the other side knows: PhoneEndedError when it gave up, PhoneTimeoutError."""
        if self.state is not State.RINGING or self._invite is None:
            raise PhoneEndedError(f"{self.events.name} does not ring: {self.ending or self.state.value}")
        self.state = State.ANSWERED
        known = self._accept(self._invite)
        self.tell("answered")
        try:
            await asyncio.wait_for(known.wait(), seconds)
        except TimeoutError:
            raise PhoneTimeoutError(f"{self.events.name}: no ACK within {seconds} s") from None

    async def refuse(self, code: int = 486) -> None:
        """Refuse a call that rings; nothing when it does not any more."""
        if self.state is State.RINGING and self._invite is not None:
            self.line.respond(self._invite, code, tag=self.dialog.local.tag)
            self.finish("self", "refused", code=code)

    def _accept(self, invite: Message) -> asyncio.Event:
        """200 to an INVITE, again until the ACK comes."""
        wanted = "sendonly" if self.held else "sendrecv"
        offer = Sdp.parse(invite.body)
        self._direction = wanted if offer is None else sdp.answer(offer.direction, wanted)
        self.line.respond(invite, _FINAL, tag=self.dialog.local.tag, body=self._description(offer))
        self._agree(offer)
        known = self._unacknowledged[invite.cseq] = asyncio.Event()
        self.line.spawn(self._until_known(invite, known))
        return known

    async def _until_known(self, invite: Message, known: asyncio.Event) -> None:
        pause = T1
        for _ in range(7):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(known.wait(), pause)
                return
            self.line.wire.repeat(invite)
            pause = min(2 * pause, T2)
        self.finish("other", "lost")

    # ---- while it lasts

    def take(self, request: Message) -> None:
        """A request within this call."""
        if request.method == "ACK":
            known = self._unacknowledged.pop(request.cseq, None)
            if known is not None:
                known.set()
                self._agree(Sdp.parse(request.body))
        elif request.method == "CANCEL":
            self._cancelled(request)
        elif request.method == "NOTIFY":  # a transfer's news may come after the call
            self.line.respond(request, _FINAL)
            self._referred(sipfrag_code(request.body))
        elif self.state is State.ENDED:
            self.line.respond(request, 481)
        elif request.method == "BYE":
            self.line.respond(request, _FINAL)
            self.finish("other", "hung_up", message=request)
        elif request.method in {"INVITE", "UPDATE"}:
            self._changed(request)
        else:
            self.line.respond(request, 603 if request.method == "REFER" else _FINAL)

    def _cancelled(self, cancel: Message) -> None:
        self.line.respond(cancel, _FINAL, tag=self.dialog.local.tag)
        if self.state is State.RINGING and self._invite is not None:
            self.line.respond(self._invite, 487, tag=self.dialog.local.tag)
            self.finish("other", "cancelled", message=cancel)

    def _changed(self, request: Message) -> None:
        """The other side changes the display, the sound, or both."""
        offer = Sdp.parse(request.body)
        if self._offers and (offer or request.method == "INVITE"):
            self.line.respond(request, _PENDING)
            return
        self._show(request)
        if request.method == "INVITE":
            self._accept(request)
        elif offer is None:
            self.line.respond(request, _FINAL)
        else:
            self._direction = sdp.answer(offer.direction, "sendonly" if self.held else "sendrecv")
            self.line.respond(request, _FINAL, body=self._description(offer))
            self._agree(offer)
        if offer is not None:
            self.tell("offered", direction=offer.direction)

    def _referred(self, code: int | None) -> None:
        if code is not None:
            self.transfer_codes.append(code)
            self.tell("transfer", code=str(code))

    async def change(self, direction: str) -> None:
        """Offer another direction for the sound (re-INVITE); PhoneError when the other side refuses it."""
        if self.state is not State.ANSWERED:
            raise PhoneEndedError(f"{self.events.name} is not answered: {self.ending or self.state.value}")
        was = self._direction
        code = await self._offer(direction)
        for _ in range(5):
            if code != _PENDING:
                break
            await asyncio.sleep(random.uniform(0.05, 0.5))  # both offered at once: RFC 3261, 14.1
            code = await self._offer(direction)
        if code >= _REFUSED:
            self._direction = was
            raise PhoneError(f"{self.events.name}: {direction} was refused with {code}")

    async def _offer(self, direction: str) -> int:
        self._direction, self._offers = direction, True
        try:
            body = self._description()
            response = await self.line.request(self.dialog, "INVITE", [_SDP], body, on_response=self._settled)
        finally:
            self._offers = False
        return response.code

    def _settled(self, invite: Message, response: Message) -> None:
        if _FINAL <= response.code < _REFUSED:
            self.dialog.learn(response)
            self.line.wire.acknowledge(invite, self.dialog.ack(invite))
            self._show(response)
            self._agree(Sdp.parse(response.body))

    async def hang_up(self) -> None:
        """End the call, however far it has come; returns when the other side knows. Nothing when it is over."""
        if self.state is State.RINGING:
            await self.refuse()
        elif self.state is State.ANSWERED:
            await self._bye()
        elif self.state is State.CALLING:
            self._gives_up = True
            self._cancel()
            if self._placing is not None and not self._placing.done():
                # A server that has died after saying that it rings says nothing more: RFC 3261, 9.1.
                await asyncio.wait({self._placing}, timeout=_GIVE_UP_SECONDS)
                self._placing.cancel()
            self.finish("self", "cancelled")

    async def _bye(self) -> None:
        self.finish("self", "hung_up")
        await self.line.request(self.dialog, "BYE")

    # ---- the display and the sound

    def _show(self, message: Message) -> None:
        known = identity(message)
        if known is not None and (known.name, known.user) != (self.caller_name, self.caller_number):
            self.caller_name, self.caller_number = known.name, known.user
            self.tell("display", name=known.name, number=known.user)

    def _description(self, offer: Sdp | None = None) -> str:
        self._version += 1
        has_keys = offer is None or offer.has_keys
        return Sdp(self.audio.host, self.audio.port, self._direction, has_keys=has_keys).text(self._version)

    def _agree(self, description: Sdp | None) -> None:
        """Play to where the other side listens, unless one of us holds the call."""
        self.offer = description or self.offer
        if self.offer is None or self.state is State.ENDED:
            return
        if sdp.sends(self._direction, self.offer.direction) and not self.held:
            self.audio.talk_to(self.offer.host, self.offer.port)
        else:
            self.audio.hush()
