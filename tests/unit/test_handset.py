"""Scripted phones without Asterisk: two that call each other, and one whose server does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from scripts.phones import Handset, HandsetCall, PhoneEndedError, free_port
from scripts.phones.dialog import Dialog
from scripts.phones.sdp import Sdp
from scripts.phones.sip import Message, NameAddr
from scripts.phones.wire import Wire

pytestmark = pytest.mark.anyio

HOST = "127.0.0.1"


# ---- two phones that call each other


@asynccontextmanager
async def pair(**other: float | None) -> AsyncIterator[tuple[Handset, Handset]]:
    """Two phones without a server: what one sends, the other gets."""
    ports = free_port(HOST), free_port(HOST)
    refuses = other.get("refuses")
    one = await Handset.open((HOST, ports[1]), HOST, number="1", name='Si "Satu"', port=ports[0], hz=440)
    two = await Handset.open(
        (HOST, ports[0]), HOST, number="2", port=ports[1], hz=660, answers=other.get("answers"),
        refuses=int(refuses) if refuses else None,
    )  # fmt: skip
    try:
        yield one, two
    finally:
        await one.close()
        await two.close()


async def test_a_call_from_ringing_to_its_end() -> None:
    async with pair() as (one, two):
        out = await one.dial("*11")
        call = await two.rung()
        await out.ringing()
        assert (call.caller_name, call.caller_number) == ('Si "Satu"', "1")
        assert (out.caller_name, out.caller_number) == ("", "*11")
        assert call.dialog.local.user == "*11"
        await call.answer()
        await out.answered()
        await asyncio.gather(out.audio.wait_to_hear(660), call.audio.wait_to_hear(440))
        await out.press("*5")
        await call.audio.wait_for_keys("*5")
        await call.hold()
        assert out.audio.sent
        assert (await out.events.wait("offered")).fields["direction"] == "sendonly"
        assert call.offer is not None
        assert call.offer.direction == "recvonly"
        await call.unhold()
        assert call.offer.direction == "sendrecv"
        await out.hang_up()
        await call.ended()
        await call.hang_up()  # nothing more to hang up
        assert (out.ended_by, call.ended_by, call.ending) == ("self", "other", "hung_up")
        with pytest.raises(PhoneEndedError):
            await call.press("1")
        with pytest.raises(PhoneEndedError):
            await call.display(lambda name, _number: name == "never", seconds=0.1)


async def test_both_hold_at_once() -> None:
    """491 and again: neither side is left with what the other does not know."""
    async with pair(answers=0.0) as (one, two):
        out = await one.dial("2")
        call = await two.rung()
        await asyncio.gather(out.answered(), call.answered())
        await asyncio.gather(out.hold(), call.hold())
        assert out.offer is not None
        assert call.offer is not None
        assert {out.offer.direction, call.offer.direction} <= {"inactive", "sendonly", "recvonly"}
        assert out.held
        assert call.held


async def test_refused_cancelled_dead_and_two_lines() -> None:
    async with pair(refuses=603) as (one, two):
        assert await (await one.dial("2")).refused() == 603
        two.refuses = None
        out, second = await one.dial("2"), await one.dial("2")
        call = await two.rung(count=2)
        assert len(two.calls) == 3
        await asyncio.gather(out.ringing(), second.ringing())
        await out.hang_up()
        assert (out.ending, out.ended_by) == ("cancelled", "self")
        await call.answer()
        await second.answered()
        await asyncio.gather(*(each.ended() for each in two.calls if each is not call))
        with pytest.raises(PhoneEndedError):
            await two.calls[1].answer()
        assert two.talking == [call]
        await two.die()
        with pytest.raises(PhoneEndedError, match="died"):
            await call.ended()
        await two.leave()
        await second.ended()


# ---- a phone and a server that does as it is told


@asynccontextmanager
async def served(reply: Callable[[Wire, Message], None]) -> AsyncIterator[Handset]:
    """A phone whose server is ``reply``, called with each request."""
    port = free_port(HOST)
    wires: list[Wire] = []
    wires.append(await Wire.open((HOST, port), HOST, free_port(HOST), lambda request: reply(wires[0], request)))
    handset = await Handset.open((HOST, wires[0].port), HOST, account=("1001", "rahasia"), port=port)
    try:
        yield handset
    finally:
        await handset.close()
        wires[0].close()


class Server:
    """Asks for passwords, answers every call, and reports that transfers succeed."""

    def __init__(self, code: int = 200) -> None:
        self.requests: list[Message] = []
        self.dialog: Dialog | None = None
        self.code = code
        self.tasks: list[asyncio.Task[Message]] = []

    def __call__(self, wire: Wire, request: Message) -> None:
        self.requests.append(request)
        contact = ("Contact", f"<sip:server@{wire.host}:{wire.port}>")
        if request.method == "ACK":
            return
        if request.method in {"REGISTER", "INVITE"} and not request.get("authorization"):
            ask = ("WWW-Authenticate", 'Digest realm="r",nonce="n",qop="auth"')
            wire.respond(request, request.response(401, tag="x", headers=[ask]))
        elif request.method == "INVITE":
            answered = [contact, ("P-Asserted-Identity", '"Polres 01" <sip:201@h>')]
            wire.respond(request, request.response(200, tag="s", headers=answered, body=Sdp(HOST, 9).text(1)))
        elif request.method == "REFER":
            wire.respond(request, request.response(202 if self.code == 200 else self.code, headers=[contact]))
            if self.code == 200:
                self.notify(wire, request, "SIP/2.0 100 Trying")
                self.notify(wire, request, "SIP/2.0 200 OK")
        else:
            wire.respond(request, request.response(200, tag="s"))

    def notify(self, wire: Wire, refer: Message, body: str) -> None:
        self.dialog = self.dialog or Dialog.of_invite(refer)
        self.dialog.local = NameAddr.parse(refer.get("to"))
        self.tasks.append(asyncio.create_task(wire.request(self.dialog.request("NOTIFY", [("Event", "refer")], body))))

    def get(self, method: str) -> Message:
        return [request for request in self.requests if request.method == method][-1]


async def talks(handset: Handset, number: str) -> HandsetCall:
    call = await handset.dial(number)
    await call.answered()
    return call


async def test_transfers() -> None:
    server = Server()
    async with served(server) as handset:
        await handset.registered()
        call = await talks(handset, "*10*12345*6789")
        assert server.get("INVITE").uri.startswith("sip:*10*12345*6789@")
        assert await call.display(lambda name, _number: name == "Polres 01") == ("Polres 01", "201")
        assert await call.blind_transfer("201#") == 200
        assert call.transfer_codes == [100, 200]
        assert server.get("REFER").get("refer-to") == f"<sip:201%23@{HOST}:{handset.server[1]}>"
        assert call.ended_by == "self"

        server.dialog = None
        call, other = await talks(handset, "110"), await talks(handset, "201")
        assert await call.attended_transfer(other) == 200
        replaces = f"{other.dialog.call_id}%3Bto-tag%3Ds%3Bfrom-tag%3D{other.dialog.local.tag}"
        assert server.get("REFER").get("refer-to").endswith(f"?Replaces={replaces}>")
        assert (call.ended_by, other.ended_by) == ("self", "self")
        await asyncio.gather(*server.tasks)

        server.code = 603
        call = await talks(handset, "110")
        assert await call.blind_transfer("201") == 603
        assert not call.events.all("ended")
    assert server.get("REGISTER").get("expires") == "0"


async def test_a_wrong_password_is_refused() -> None:
    def never(wire: Wire, request: Message) -> None:
        ask = ("Proxy-Authenticate", 'Digest realm="r",nonce="n"')
        wire.respond(request, request.response(407, tag="x", headers=[ask]))

    async with served(never) as handset:
        assert await handset.refused() == 407
        with pytest.raises(PhoneEndedError, match="407"):
            await handset.registered()
        call = await handset.dial("201")
        assert await call.refused() == 407


async def test_the_display_follows_the_network_during_the_call() -> None:
    """An INVITE (twice: the answer was lost), then UPDATE and re-INVITE with other names."""
    async with served(Server()) as handset:
        await handset.registered()
        loop = asyncio.get_running_loop()
        transport, _protocol = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=(HOST, 0))
        dialog = Dialog.start(NameAddr("0812", "sip:0812@h"), f"sip:1001@{HOST}:{handset.wire.port}")

        def send(method: str, branch: str, *headers: tuple[str, str], times: int = 1) -> None:
            message = dialog.request(method, headers)
            message.headers.insert(0, ("Via", f"SIP/2.0/UDP h;branch={branch}"))
            for _ in range(times):
                transport.sendto(message.encode(), (HOST, handset.wire.port))

        async def shows(shown: str) -> None:
            await call.display(lambda name, _number: name == shown)

        send("INVITE", "b1", times=2)
        call = await handset.rung()
        assert handset.calls == [call]
        assert (call.caller_name, call.caller_number) == ("0812", "0812")
        answering = asyncio.create_task(call.answer())
        await call.answered()
        dialog.cseq -= 1
        send("ACK", "b2")
        await answering
        dialog.remote = call.dialog.local
        for name in ("iseng 1x", "iseng 2x"):
            send("UPDATE", name[6:], ("P-Asserted-Identity", f'"{name}" <sip:0812@h>'))
            await shows(name)
        send("INVITE", "r1", ("Remote-Party-ID", '"Polsek" <sip:33@h>'))
        assert await call.display(lambda _name, shown: shown == "33") == ("Polsek", "33")
        assert len(call.events.all("display")) == 3
        send("BYE", "e", ("Reason", "Q.850;cause=31"))
        await call.ended()
        assert (call.ended_by, call.cause) == ("other", 31)
        transport.close()
