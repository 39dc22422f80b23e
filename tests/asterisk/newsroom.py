"""A broker, a journal that the test writes, the publisher, and readers of what it publishes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
from aiomqtt import Client, Message, MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ari_app.bus.broker import Broker, connect, tls_context
from ari_app.domain.facts import Fact, call_received
from ari_app.site.settings import load_settings
from ari_app.store.journal import Journal
from tests.asterisk.site import REPO, eventually
from tests.asterisk.test_commands import Office

_SUBSCRIBED = "SELECT client_id FROM subscriptions WHERE topic = 'siaga110/journal'"


class Newsroom(Office):
    """A broker, a journal that the test writes, and the publisher in a process of its own."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.journal = Journal.open(self.state.journal, timezone="Asia/Jakarta")
        self.publisher: subprocess.Popen[bytes] | None = None

    def configure(self, text: str) -> None:
        """Take another configuration."""
        self.state.config.write_text(text, encoding="utf-8")
        self.settings = load_settings(self.state.config)

    def start_publisher(self) -> None:
        with (self.state.log / "publisher.log").open("ab") as log:
            self.publisher = subprocess.Popen(
                [sys.executable, "-m", "ari_app.publish", "--state", self.state.root], cwd=REPO, stdout=log, stderr=log
            )

    def kill_publisher(self) -> None:
        if self.publisher is not None:
            self.publisher.kill()
            self.publisher.wait()
            self.publisher = None

    def write(self, count: int) -> None:
        """So many more facts."""
        for number in range(count):
            self.journal.append(Fact("system", "uji.fact", data={"number": number, "teks": "ñ\\n€"}))
        assert self.journal.flush()

    def tell(self, action: str, call: str | None = None, /, actor: str = "system", **data: Any) -> None:
        self.journal.append(Fact(actor, action, call, data))
        assert self.journal.flush()

    def subscriber(self, name: str, *, role: str = "supervisor") -> Client:
        """A client whose session outlives its connection."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        broker = self.broker(role)
        tls = tls_context(broker.ca, broker.certificate, broker.key) if broker.is_tls else None
        return Client(
            broker.host, broker.port, username=broker.user, password=broker.password, identifier=name,
            protocol=ProtocolVersion.V5, clean_start=False, properties=properties, timeout=5, keepalive=5,
            tls_context=tls,
        )  # fmt: skip

    def log(self) -> str:
        """What the publisher logged."""
        return (self.state.log / "publisher.log").read_text(encoding="utf-8")

    def sessions(self) -> set[str]:
        """The clients whose subscription to the journal the broker has on disk."""
        file = self.state.broker / "mosquitto.sqlite3"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            return {row[0] for row in database.execute(_SUBSCRIBED)}

    async def marked(self, seq: int, *, seconds: float = 20) -> None:
        """Return when the publisher has marked at the broker that it got so far."""
        broker = self.broker("supervisor")
        with anyio.fail_after(seconds):
            async with connect(broker, timeout=5) as client:
                await client.subscribe("siaga110/journal/last", qos=1)
                async for message in client.messages:
                    if content(message)["seq"] >= seq:
                        return


class Reader:
    """A subscriber to the journal, as docs/mqtt.md says how to be one: it comes back whenever it is cut off."""

    def __init__(self, newsroom: Newsroom, name: str = "reader") -> None:
        self.newsroom = newsroom
        self.name = name
        self.came: list[dict[str, Any]] = []
        self.is_there = anyio.Event()

    async def run(self) -> None:
        while True:
            try:
                async with self.newsroom.subscriber(self.name) as client:
                    await client.subscribe("siaga110/journal", qos=1)
                    self.is_there.set()
                    async for message in client.messages:
                        self.came.append(content(message))
            except (MqttError, OSError):
                await anyio.sleep(0.1)

    @property
    def seqs(self) -> list[int]:
        """The numbers without what came before."""
        found: list[int] = []
        for each in self.came:
            if not found or each["seq"] > found[-1]:
                found.append(each["seq"])
        return found

    @property
    def repeated(self) -> int:
        return len(self.came) - len(self.seqs)

    async def has(self, last: int, *, seconds: float = 30) -> None:
        await eventually(lambda: self.seqs[-1:] == [last], seconds=seconds, what=f"line {last}: {self.seqs[-3:]}")


def content(message: Message) -> dict[str, Any]:
    assert isinstance(message.payload, bytes)
    found: dict[str, Any] = json.loads(message.payload)
    return found


@asynccontextmanager
async def reading(newsroom: Newsroom, name: str = "reader") -> AsyncIterator[Reader]:
    async with anyio.create_task_group() as tasks:
        reader = Reader(newsroom, name)
        tasks.start_soon(reader.run)
        with anyio.fail_after(10):
            await reader.is_there.wait()
        if newsroom.process is not None:  # our own broker has a new session on disk within a second
            await eventually(lambda: name in newsroom.sessions(), seconds=10, what="the session is on disk")
        yield reader
        tasks.cancel_scope.cancel()


async def retained(broker: Broker) -> dict[str, dict[str, Any]]:
    """What a client that comes now is told, by topic."""
    found: dict[str, dict[str, Any]] = {}
    async with Client(
        broker.host, broker.port, username=broker.user, password=broker.password, protocol=ProtocolVersion.V5
    ) as client:
        await client.subscribe("siaga110/#", qos=1)
        with anyio.move_on_after(0.5):
            async for message in client.messages:
                if message.retain and message.payload:
                    found[message.topic.value.removeprefix("siaga110/")] = content(message)
    return found


async def settled(
    office: Office, condition: Callable[[dict[str, dict[str, Any]]], object], what: str
) -> dict[str, dict[str, Any]]:
    """What a client that comes now is told, once it is as it should be."""
    found: dict[str, dict[str, Any]] = {}
    with anyio.move_on_after(15):
        while True:
            found = await retained(office.broker("supervisor"))
            if condition(found):
                return found
    raise AssertionError(f"not within 15 s: {what}: {found}")


def begin_call(newsroom: Newsroom, call: str, caller: str = "+6281234567890") -> None:
    """A caller waits."""
    newsroom.journal.append(call_received(call, caller=caller, number="081234567890", dialled="110"))
    newsroom.tell("call.queued", call, priority="normal")
