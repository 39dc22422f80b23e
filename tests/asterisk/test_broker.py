"""The broker of a running instance: who gets in, who may do what, and that nothing is lost with it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiomqtt import Client, MqttCodeError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from scripts.stack.sample import HOST
from tests.asterisk.site import Site, eventually

pytestmark = pytest.mark.anyio

NOT_AUTHORISED = 135
"""MQTT 5's reason code. Mosquitto says it of an unknown user and of a wrong password alike."""


def connect(
    site: Site, user: str | None, password: str | None = None, *, identifier: str | None = None
) -> AbstractAsyncContextManager[Client]:
    """A client of this role with its own password, or with another; ``identifier`` makes its session outlive it."""
    if user is not None and password is None:
        password = json.loads((site.state / "secrets.json").read_text())["mqtt"][user]
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    if identifier is not None:
        properties.SessionExpiryInterval = 3600
    return Client(
        HOST, site.mqtt, username=user, password=password, protocol=ProtocolVersion.V5, identifier=identifier,
        clean_start=identifier is None, properties=properties, timeout=5,
    )  # fmt: skip


async def read_one(client: Client, *, seconds: float = 5) -> bytes:
    """The payload of the next message that a test wrote; what the application itself tells is passed over."""
    async with asyncio.timeout(seconds):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if message.payload.startswith(b"uji "):
                return message.payload
    raise AssertionError("the broker closed the connection")


async def code_of(action: Callable[[], object]) -> int:
    """The reason code with which the broker refuses."""
    with pytest.raises(MqttCodeError) as refused:
        await action()  # type: ignore[misc]
    code = refused.value.rc
    return int(code if isinstance(code, int) else code.value)  # type: ignore[union-attr]


# ---- who gets in


@pytest.mark.parametrize(
    ("user", "password"),
    [
        (None, None),
        ("application", "salah"),
        ("application", ""),
        ("wallboard", "wallboard"),
        ("root", "salah"),
        ("", ""),
    ],
)
async def test_nobody_without_a_password(site: Site, user: str | None, password: str | None) -> None:
    async def enter() -> None:
        async with connect(site, user, password):
            pass

    assert await code_of(enter) == NOT_AUTHORISED


async def test_no_role_gets_in_with_anothers_password(site: Site) -> None:
    secrets = json.loads((site.state / "secrets.json").read_text())

    async def enter() -> None:
        async with connect(site, "application", secrets["mqtt"]["wallboard"]):
            pass

    assert await code_of(enter) == NOT_AUTHORISED


async def test_there_are_three_roles_and_no_operator(site: Site) -> None:
    """An operator has a desk's phone and nothing else: what it registers with opens no broker."""
    lines = (site.state / "broker" / "passwords").read_text(encoding="utf-8").splitlines()
    assert {line.partition(":")[0] for line in lines} == {"application", "supervisor", "wallboard"}
    extension, secret = site.accounts[0]

    async def enter() -> None:
        async with connect(site, extension, secret):
            pass

    assert await code_of(enter) == NOT_AUTHORISED


# ---- who may do what


SECRET, END = b"uji secret", b"uji end"
OPEN_TO_ALL = "siaga110/desks/9999"
"""Everybody may read it, and messages keep their order: what comes before END has come or never will."""


async def may_read(site: Site, user: str, topic: str) -> bool:
    """Whether what the application publishes at ``topic`` reaches a subscriber to everything."""
    async with connect(site, user) as reader, connect(site, "application") as writer:
        # Mosquitto grants every subscription, and holds back each message that may not be read.
        await reader.subscribe("#", qos=1)
        await writer.publish(topic, SECRET, qos=1)
        await writer.publish(OPEN_TO_ALL, END, qos=1)
        return await read_one(reader) == SECRET


async def may_write(site: Site, user: str, topic: str) -> bool:
    """Whether what a role publishes at ``topic`` reaches the application."""
    async with connect(site, "application") as reader, connect(site, user) as writer:
        await reader.subscribe("#", qos=1)
        await writer.publish(topic, SECRET, qos=1)  # a refusal comes in the confirmation, which aiomqtt does not tell
        async with connect(site, "application") as other:
            await other.publish(OPEN_TO_ALL, END, qos=1)
        return await read_one(reader) == SECRET


@pytest.mark.parametrize(
    ("topic", "readers"),
    [
        ("siaga110/calls/17.1", {"application", "supervisor"}),
        ("siaga110/journal", {"application", "supervisor"}),
        ("siaga110/command/x", {"application"}),
        ("siaga110/journal/last", {"application", "supervisor"}),
        ("siaga110/status", {"application", "supervisor", "wallboard"}),
        ("siaga110/alarms", {"application", "supervisor"}),
        ("siaga110/status/publisher", {"application", "supervisor", "wallboard"}),
        ("siaga110/queue", {"application", "supervisor", "wallboard"}),
        ("siaga110/desks/1001", {"application", "supervisor", "wallboard"}),
        ("siaga110/radio/300", {"application", "supervisor", "wallboard"}),
    ],
)
async def test_who_may_read(site: Site, topic: str, readers: set[str]) -> None:
    """A wallboard hangs on a wall: callers' numbers are not for it."""
    roles = ("application", "supervisor", "wallboard")
    assert {role for role in roles if await may_read(site, role, topic)} == readers


@pytest.mark.parametrize("pattern", ["#", "siaga110/calls/#", "siaga110/calls/17.2", "siaga110/+/17.2", "$share/a/#"])
async def test_a_wallboard_never_sees_a_call(site: Site, pattern: str) -> None:
    """Neither one that is told now nor one that is kept for whoever comes."""
    call = "siaga110/calls/17.2"
    async with connect(site, "application") as writer:
        await writer.publish(call, SECRET, qos=1, retain=True)
        try:
            async with connect(site, "wallboard") as reader:
                await reader.subscribe(pattern, qos=1)
                await reader.subscribe(OPEN_TO_ALL, qos=1)
                await writer.publish(call, SECRET, qos=1)
                await writer.publish(OPEN_TO_ALL, END, qos=1)
                assert await read_one(reader) == END
        finally:
            await writer.publish(call, b"", qos=1, retain=True)


@pytest.mark.parametrize(
    ("topic", "writers"),
    [
        ("siaga110/command/x", {"application", "supervisor"}),
        ("siaga110/reply/supervisor/1", {"application", "supervisor"}),
        ("siaga110/status", {"application"}),
        ("siaga110/journal", {"application"}),
        ("siaga110/calls/17.1", {"application"}),
        ("siaga110/desks/1001", {"application"}),
        ("elsewhere", set()),
    ],
)
async def test_who_may_write(site: Site, topic: str, writers: set[str]) -> None:
    """Nobody but the application says what happened; a wallboard says nothing at all."""
    roles = ("application", "supervisor", "wallboard")
    assert {role for role in roles if await may_write(site, role, topic)} == writers


# ---- nothing is lost


async def test_what_waits_survives_the_brokers_death(make_site: Callable[[], Site]) -> None:
    """QoS 1 to a subscriber that is away: it comes in order, though the broker was killed in between."""
    site = make_site()
    site.start()
    topic = "siaga110/journal"
    count = 1500  # more than Mosquitto keeps of itself
    async with connect(site, "supervisor", identifier="away") as subscriber:
        await subscriber.subscribe(topic, qos=1)
    async with connect(site, "application") as writer:
        for number in range(count):
            await writer.publish(topic, f"uji line {number} of the journal".encode(), qos=1)
    stored = [site.state / "broker" / f"mosquitto.sqlite3{end}" for end in ("", "-wal")]
    last = f"uji line {count - 1} of the journal".encode()
    # It is confirmed up to a second before it is on disk: the publisher knows of that (test_bus.py).
    await eventually(
        lambda: any(path.exists() and last in path.read_bytes() for path in stored), seconds=5, what="all is on disk"
    )
    pid = site.process("mosquitto")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: site.process("mosquitto") not in {None, pid}, seconds=10, what="a new broker")
    await eventually(lambda: _listens(site), seconds=10, what="the broker listens")
    async with connect(site, "supervisor", identifier="away") as subscriber:
        got = [await read_one(subscriber) for _ in range(count)]
    assert got == [f"uji line {number} of the journal".encode() for number in range(count)]
    site.stop()


def _listens(site: Site) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, site.mqtt)) == 0
