"""Commands over a real broker: carried out once, answered, refused, and back after the broker's death."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from aiomqtt import Client

from ari_app.bus.ask import AskRefused, NobodyAnswered, NotReached, ask
from ari_app.bus.broker import Broker, broker_of, connect, publishing
from ari_app.bus.commands import AT_ONCE, LARGEST, CommandRefused, CommandServer
from ari_app.domain.commands import Handler
from ari_app.domain.facts import Json
from ari_app.domain.operators import DeskPlace
from ari_app.flows.office import operator_commands
from ari_app.flows.roster import Roster
from ari_app.site.pins import Pins, pins_file
from ari_app.site.secrets import Secrets, load_or_create
from ari_app.site.settings import Settings, load_settings
from ari_app.site.state import StateDir
from ari_app.site.values import Address
from ari_app.store.journal import Journal, read
from ari_app.store.staff import staff
from scripts.stack import broker as broker_files
from scripts.stack.prepare import program
from scripts.stack.sample import make_sample
from tests.asterisk.site import REPO, eventually

pytestmark = pytest.mark.anyio
REPLIES = "siaga110/reply/supervisor/uji"


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """On uvloop, as the application runs."""
    return "asyncio", {"use_uvloop": True}


END = b'{"version": 1, "supervisor": "uji"}'


class Office:
    """A broker of its own, and a command server with handlers that keep what they were asked."""

    def __init__(self, root: Path) -> None:
        self.state = StateDir(root)
        self.state.create()
        self.state.config.write_text(make_sample(desks=3).text, encoding="utf-8")
        self.settings: Settings = load_settings(self.state.config)
        self.secrets: Secrets = load_or_create(self.state, self.settings)
        self.process: subprocess.Popen[bytes] | None = None
        self.asked: list[tuple[Mapping[str, Json], str]] = []
        self.release = anyio.Event()
        self.handlers: dict[str, Handler] = {
            "test.echo": self._echo,
            "test.refuse": self._refuse,
            "test.break": self._break,
            "test.slow": self._slow,
            "test.odd": self._odd,
        }

    async def _echo(self, arguments: Mapping[str, Json], actor: str) -> Json:
        self.asked.append((arguments, actor))
        return {"echo": dict(arguments)}

    async def _refuse(self, arguments: Mapping[str, Json], actor: str) -> Json:
        raise CommandRefused("tidak bisa")

    async def _break(self, arguments: Mapping[str, Json], actor: str) -> Json:
        raise RuntimeError("rahasia")

    async def _slow(self, arguments: Mapping[str, Json], actor: str) -> Json:
        self.asked.append((arguments, actor))
        await self.release.wait()
        return "slow"

    async def _odd(self, arguments: Mapping[str, Json], actor: str) -> Json:
        return object()  # type: ignore[return-value]  # a bug in a handler

    def start_broker(self) -> None:
        own = self.settings.mqtt.own_broker
        assert isinstance(own, Address)
        config = broker_files.write(self.state, own, self.secrets, program("mosquitto_passwd"))
        self.process = subprocess.Popen([program("mosquitto"), "-c", config], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not _listens(own):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill_broker(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def broker(self, role: str) -> Broker:
        return broker_of(self.settings.mqtt, self.secrets, role)

    @asynccontextmanager
    async def serving(self, handlers: Mapping[str, Handler] | None = None) -> AsyncIterator[CommandServer]:
        known = {**(self.handlers if handlers is None else handlers), "test.end": self._end}
        self.server = server = CommandServer(self.broker("application"), known, flush=lambda _: True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            await eventually(lambda: server._client is not None, seconds=10, what="the server is connected")
            yield server
            tasks.cancel_scope.cancel()

    async def _end(self, _: Mapping[str, Json], __: str) -> Json:
        """Answered behind all that came before."""
        while self.server._under_way > 1:  # noqa: ASYNC110 - nobody tells when a command is done
            await anyio.sleep(0.001)
        return None

    async def ask(self, command: str, seconds: float = 5.0, /, **arguments: Json) -> Any:
        """What a supervisor's program does, in a thread because it has a loop of its own."""
        work = partial(
            ask, self.settings, self.secrets, command, arguments, supervisor="budi", seconds=seconds
        )  # fmt: skip
        return await anyio.to_thread.run_sync(work)

    async def exchange(  # noqa: PLR0917 - what may be odd about a request
        self,
        payload: object,
        command: str = "test.echo",
        correlation: bytes | None = b"1",
        topic: str | None = REPLIES,
        role: str = "supervisor",
        retain: bool = False,  # noqa: FBT001, FBT002 - as the broker calls it
        seconds: float = 5.0,
    ) -> dict[str, Any] | None:
        """Send one request as it is; its answer, None when none comes before that of a second, whole request."""
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        async with connect(self.broker("supervisor"), timeout=5) as reader:
            await reader.subscribe("siaga110/reply/#", qos=1)
            async with connect(self.broker(role), timeout=5) as writer:
                properties = publishing(correlation=correlation or b"", expiry=5, response_topic=topic)
                if correlation is None:
                    delattr(properties, "CorrelationData")
                await writer.publish(
                    f"siaga110/command/{command}", content, qos=1, retain=retain, properties=properties
                )
            async with connect(self.broker("supervisor"), timeout=5) as writer:
                last = os.urandom(8)
                end = publishing(correlation=last, expiry=5, response_topic=f"{REPLIES}/end")
                await writer.publish("siaga110/command/test.end", END, qos=1, properties=end)
            return await self._first(reader, last, seconds)

    async def _first(self, reader: Client, last: bytes, seconds: float) -> dict[str, Any] | None:
        """The first answer before that to the request ``last``, which leaves nothing under way."""
        first: dict[str, Any] | None = None
        with anyio.fail_after(seconds):
            async for message in reader.messages:
                if getattr(message.properties, "CorrelationData", None) == last:
                    return first
                assert isinstance(message.payload, bytes)
                first = first or dict(json.loads(message.payload))
        raise AssertionError


def request(supervisor: str = "budi", /, **arguments: Json) -> dict[str, Any]:
    return {"version": 1, "supervisor": supervisor, "arguments": arguments}


def _listens(where: Address) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((where.host, where.port)) == 0


@pytest.fixture
async def office(tmp_path: Path, anyio_backend: object) -> AsyncIterator[Office]:
    made = Office(tmp_path / "state")
    made.start_broker()
    yield made
    made.kill_broker()


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What the server logs is looked at only for secrets."""
    yield
    assert "rahasia-1001" not in capfd.readouterr().out


# ---- asked and answered


async def test_there_and_back(office: Office) -> None:
    async with office.serving():
        assert await office.ask("test.echo", nrp="11111", names=["Ani", None], deep={"a": 1.5}) == {
            "echo": {"nrp": "11111", "names": ["Ani", None], "deep": {"a": 1.5}},
        }
    ((_, actor),) = office.asked
    assert actor == "supervisor:budi"


async def test_it_is_quick(office: Office) -> None:
    async with office.serving():
        await office.ask("test.echo")
        began = time.monotonic()
        for _ in range(5):
            await office.ask("test.echo")
        assert (time.monotonic() - began) / 5 < 0.5


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("test.refuse", "tidak bisa"),
        ("test.break", "see the application's log"),
        ("test.odd", "see the application's log"),
        ("test.unknown", "there is no such command"),
    ],
)
async def test_refused(office: Office, command: str, said: str) -> None:
    async with office.serving():
        with pytest.raises(AskRefused, match=said) as refused:
            await office.ask(command)
        assert "rahasia" not in str(refused.value)
        await office.ask("test.echo")


async def test_a_slow_one_holds_nobody_up(office: Office) -> None:
    results: list[Any] = []

    async def slow() -> None:
        results.append(await office.ask("test.slow"))

    async with office.serving(), anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        await eventually(lambda: office.asked, seconds=5, what="it has begun")
        for _ in range(3):
            await office.ask("test.echo")
        assert results == []
        await anyio.sleep(1.5)  # it has been asked again by now
        office.release.set()
    assert results == ["slow"]
    assert len(office.asked) == 4, "asked twice, carried out once"


async def test_not_too_many_at_once(office: Office) -> None:
    async with office.serving():
        async with connect(office.broker("supervisor"), timeout=5) as client:
            await client.subscribe(f"{REPLIES}/#", qos=1)
            for number in range(AT_ONCE + 1):
                properties = publishing(correlation=b"%d" % number, expiry=5, response_topic=f"{REPLIES}/{number}")
                await client.publish("siaga110/command/test.slow", json.dumps(request()), qos=1, properties=properties)
            with anyio.fail_after(5):
                message = await anext(client.messages)
            assert message.topic.value == f"{REPLIES}/{AT_ONCE}"
            assert "too many" in str(message.payload)
        office.release.set()
        await eventually(lambda: len(office.asked) == AT_ONCE, seconds=5, what="the others were begun")


async def test_asked_again_it_is_answered_again_and_done_once(office: Office) -> None:
    async with office.serving():
        first = await office.exchange(request(nrp="1"))
        assert first == {"done": True, "result": {"echo": {"nrp": "1"}}}
        assert await office.exchange(request(nrp="2")) == first, "the same correlation data"
        assert len(office.asked) == 1
        assert await office.exchange(request(nrp="2"), correlation=b"2") != first
        assert len(office.asked) == 2


async def test_only_so_many_answers_are_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.bus.commands.REMEMBERED", 3)
    async with office.serving() as server:
        for number in range(10):
            assert await office.exchange(request(), correlation=b"%d" % number)
        assert len(server._asked) <= 4


# ---- what is not a request


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 5000,
        {"version": 2, "supervisor": "budi", "arguments": {}},
        {"version": 1, "supervisor": "budi", "arguments": []},
        {"version": 1, "supervisor": "", "arguments": {}},
        {"version": 1, "supervisor": "a b", "arguments": {}},
        {"version": 1, "supervisor": "budi\n", "arguments": {}},
        {"version": 1, "supervisor": "x" * 65, "arguments": {}},
        {"version": 1, "arguments": {}},
        {"version": 1, "supervisor": "budi", "arguments": {}, "more": 1},
        {"version": 1, "supervisor": "budi", "arguments": {"text": "x" * LARGEST}},
    ],
    ids=lambda payload: repr(payload)[:40],
)
async def test_what_cannot_be_read_is_refused(office: Office, payload: object) -> None:
    async with office.serving():
        answer = await office.exchange(payload)
        assert answer is not None
        assert answer["done"] is False
        assert "\n" not in answer["reason"]
        assert office.asked == []
        await office.ask("test.echo")


@pytest.mark.parametrize(
    "odd",
    [
        {"correlation": None},
        {"correlation": b"x" * 65},
        {"topic": None},
        {"topic": "siaga110/journal"},
        {"topic": "siaga110/command/test.echo"},
        {"topic": "siaga110/replyelsewhere"},
        {"topic": f"{REPLIES}/{'x' * 300}"},
        {"retain": True},
    ],
    ids=repr,
)
async def test_nobody_to_answer(office: Office, odd: dict[str, Any]) -> None:
    async with office.serving():
        assert await office.exchange(request(), **odd) is None
    assert office.asked == []


async def test_a_retained_request_does_not_come_again_at_every_connection(office: Office) -> None:
    async with office.serving():
        assert await office.exchange(request(), retain=True) is None
    async with office.serving():
        assert await office.exchange(request(), command="test.unknown", correlation=b"9") is not None
    assert office.asked == []


async def test_more_than_a_megabyte_does_not_even_come_in(office: Office) -> None:
    async with office.serving():
        assert await office.exchange(b"x" * 1_500_000) is None
        await office.ask("test.echo")


# ---- who may


async def test_a_wallboard_gives_no_commands(office: Office) -> None:
    async with office.serving():
        assert await office.exchange(request(), role="wallboard") is None
    assert office.asked == []


async def test_a_wrong_password(office: Office) -> None:
    wrong = Secrets(ari={}, mqtt=dict.fromkeys(office.secrets.mqtt, "salah"), desks={})
    work = partial(ask, office.settings, wrong, "test.echo", {}, supervisor="budi")
    async with office.serving():
        with pytest.raises(NobodyAnswered, match="does not let us in") as refused:
            await anyio.to_thread.run_sync(work)
    assert not isinstance(refused.value, NotReached), "trying again is of no use"
    assert "salah" not in str(refused.value)


async def test_a_server_with_a_wrong_password_goes_on_trying(office: Office) -> None:
    own = office.broker("application")
    server = CommandServer(Broker(own.host, own.port, own.user, "salah"), office.handlers, flush=lambda _: True)
    with anyio.move_on_after(1.5) as scope:
        await server.run()
    assert scope.cancelled_caught, "it never ends of itself"


# ---- who is away


async def test_nobody_answers(office: Office) -> None:
    began = time.monotonic()
    with pytest.raises(NobodyAnswered, match="within 5 s"):
        await office.ask("test.echo")
    assert 4.9 < time.monotonic() - began < 6.5


async def test_no_broker(office: Office) -> None:
    office.kill_broker()
    began = time.monotonic()
    with pytest.raises(NotReached, match="cannot be reached"):
        await office.ask("test.echo")
    assert time.monotonic() - began < 2


async def test_an_application_that_comes_a_moment_later_is_still_asked(office: Office) -> None:
    async with anyio.create_task_group() as tasks:
        results: list[Any] = []

        async def early() -> None:
            results.append(await office.ask("test.echo", nrp="1"))

        tasks.start_soon(early)
        await anyio.sleep(1.2)
        async with office.serving():
            await eventually(lambda: results, seconds=4, what="the answer")
    assert len(office.asked) == 1


async def test_the_broker_dies_and_comes_back(office: Office) -> None:
    async with office.serving() as server:
        await office.ask("test.echo")
        office.kill_broker()
        await eventually(lambda: server._client is None, seconds=5, what="it has noticed")
        await anyio.sleep(1)
        office.start_broker()
        await eventually(lambda: server._client is not None, seconds=10, what="it is back")
        assert await office.ask("test.echo", nrp="1") == {"echo": {"nrp": "1"}}


async def test_the_broker_dies_in_the_middle_of_a_command(office: Office) -> None:
    """Who asked asks again on a new connection, and gets the answer of the first time."""
    results: list[Any] = []

    async def slow() -> None:
        results.append(await office.ask("test.slow", 15.0))

    async with office.serving() as server, anyio.create_task_group() as tasks:
        tasks.start_soon(slow)
        await eventually(lambda: office.asked, seconds=5, what="it has begun")
        office.kill_broker()
        await eventually(lambda: server._client is None, seconds=5, what="it has noticed")
        office.release.set()
        await anyio.sleep(0.5)
        office.start_broker()
    assert results == ["slow"]
    assert len(office.asked) == 1


async def test_another_broker_by_its_address(office: Office) -> None:
    own = office.settings.mqtt.own_broker
    assert own is not None
    mqtt = office.settings.mqtt.model_copy(update={"listen": None, "url": f"mqtt://{own}"})
    settings = office.settings.model_copy(update={"mqtt": mqtt})
    assert broker_of(mqtt, office.secrets, "supervisor") == office.broker("supervisor")
    async with office.serving():
        work = partial(ask, settings, office.secrets, "test.echo", {}, supervisor="budi")
        assert await anyio.to_thread.run_sync(work) == {"echo": {}}


# ---- the whole way


@pytest.fixture
def journal(office: Office) -> Iterator[Journal]:
    opened = Journal.open(office.state.journal, timezone="Asia/Jakarta")
    yield opened
    opened.close()


async def siaga(office: Office, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return await anyio.run_process(
        [sys.executable, "-m", "cli", "operators", *arguments],
        cwd=REPO,
        env={**os.environ, "SIAGA_STATE": str(office.state.root), "SIAGA_SUPERVISOR": "budi"},
        check=False,
    )


async def test_siaga_operators_while_somebody_has_the_journal(office: Office, journal: Journal) -> None:
    roster = Roster(
        {desk.extension: DeskPlace(desk.unit, login=desk.login) for desk in office.settings.desk},
        units={"polda"},
        tell=journal.append,
        pins=Pins(pins_file(office.state)),
        state=staff(office.state.journal),
        clock=time.monotonic,
    )
    changed: list[str] = []
    roster.on_change = changed.append
    async with office.serving(operator_commands(roster)):
        done = await siaga(office, "add", "11111", "--name", "Bripda Ani", "--pin", "4321")
        assert (done.returncode, done.stderr) == (0, b"")
        assert (await siaga(office, "login", "11111", "1001")).returncode == 0
        assert changed == ["1001"]
        assert roster.operator_at("1001") == "11111"
        refused = await siaga(office, "login", "99999", "1001")
        assert refused.returncode == 1
        assert b"there is no operator 99999" in refused.stderr
        assert (await roster.login_by_phone("1002", "11111", "4321")).value == "ok"
    assert journal.flush()
    assert [(record.actor, record.action) for record in read(office.state.journal)] == [
        ("supervisor:budi", "operator.added"),
        ("supervisor:budi", "operator.logged_in"),
        ("operator:11111", "operator.logged_out"),
        ("operator:11111", "operator.logged_in"),
    ]
