"""The broker is down, slow or restarted: no call notices, and its stream of the journal has no gap."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiomqtt import Client, MqttError, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import Floor
from scripts.faults.instance import Instance, send
from scripts.faults.oracle import Flaw
from scripts.faults.people import moment
from scripts.faults.scenes import BUSY, CALM, MOMENTS, Scene
from scripts.faults.strikes import Fault, strike_round
from scripts.stack.sample import HOST

TOPIC: Final = "siaga110/journal"
CATCH_UP_SECONDS: Final = 15.0
_BROKER: Final = "mosquitto"


class Listener:
    """A supervisor's program that reads the stream of the journal; its session outlives its connection."""

    def __init__(self, instance: Instance) -> None:
        """Nothing is read yet."""
        self._instance = instance
        self.lines: list[int] = []
        """Numbers of the journal's lines, in the order in which they came."""
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Read, for ever; come back when the connection breaks."""
        password = supervisor_password(self._instance)
        while True:
            with contextlib.suppress(MqttError):
                async with Client(
                    HOST, self._instance.sample.mqtt, username="supervisor", password=password,
                    protocol=ProtocolVersion.V5, identifier="chaos", clean_start=False, properties=persistent(),
                    timeout=3, keepalive=3,
                ) as client:  # fmt: skip
                    await client.subscribe(TOPIC, qos=1)
                    self.subscribed.set()
                    async for message in client.messages:
                        self._take(message.payload)
            await asyncio.sleep(0.2)

    def _take(self, payload: object) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = json.loads(payload if isinstance(payload, bytes | str) else b"")
            self.lines.extend([int(each["seq"]) for each in (told if isinstance(told, list) else [told])])


def supervisor_password(instance: Instance) -> str:
    """With which supervisors come to the broker."""
    return str(json.loads(instance.state.secrets.read_text())["mqtt"]["supervisor"])


def persistent() -> Properties:
    """A session that outlives its connection."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    return properties


@asynccontextmanager
async def listening(listener: Listener) -> AsyncIterator[Listener]:
    """Somebody reads the stream meanwhile."""
    task = asyncio.create_task(listener.run())
    try:
        async with asyncio.timeout(10):
            await listener.subscribed.wait()
        yield listener
    finally:
        task.cancel()


class BrokerKilled(Fault):
    """The broker is killed; the launcher starts it again."""

    title = "broker killed"
    _signal = signal.SIGKILL
    _seconds = 1.0

    def __init__(self, listener: Listener, *, seconds: float | None = None) -> None:
        """``listener`` must get every line; ``seconds`` is how long it lasts, None: as long as it does of itself."""
        self._listener = listener
        self._seconds = self._seconds if seconds is None else seconds

    async def strike(self, instance: Instance) -> None:
        """Send the signal."""
        self._pid = instance.pid(_BROKER)
        send(self._pid, self._signal)

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """It is there again."""
        await asyncio.sleep(self._seconds)
        send(self._pid, signal.SIGCONT)
        await floor.instance.running(_BROKER)

    async def check(self, floor: Floor, *, first: int | None = None) -> None:
        """Every line of the journal from ``first`` on (None: the round's first) came by the stream, in order."""
        since, first, lines = moment(), first or floor.begun_at + 1, self._listener.lines
        last = floor.instance.head()
        while last not in lines:
            if moment() - since > CATCH_UP_SECONDS:
                break
            await asyncio.sleep(0.1)
        came = list(dict.fromkeys(seq for seq in lines if first <= seq <= last))
        missing = sorted(set(range(first, last + 1)) - set(came))
        what = f"the stream (lines {first} to {last}) is whole"
        if missing:
            what += f", but {len(missing)} lines are missing, from {missing[0]} on"
        elif came != sorted(came):
            what += ", but not in order"
        good = not missing and came == sorted(came)
        floor.promise(what, CATCH_UP_SECONDS, since, moment() if good else None, flaw=Flaw.LOST)


class BrokerFrozen(BrokerKilled):
    """The broker answers nobody for a while, and then goes on."""

    title = "broker stands still for 8 s"
    _signal = signal.SIGSTOP
    _seconds = 8.0


class BrokerDown(BrokerKilled):
    """The broker is killed as often as it comes back."""

    title = "broker down for 8 s"
    _seconds = 8.0

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """It stays."""
        end = moment() + self._seconds
        while moment() < end:
            send(floor.instance.pid(_BROKER), signal.SIGKILL)
            await asyncio.sleep(0.1)
        await floor.instance.running(_BROKER)


def _breaking(fault: type[BrokerKilled]) -> Callable[[Experiment], Awaitable[None]]:
    async def run(experiment: Experiment) -> None:
        async with experiment.instance() as instance, listening(Listener(instance)) as listener:
            for number in range(experiment.rounds):
                is_busy = number % 2 == 1
                passing = MOMENTS[number // 2 % len(MOMENTS)]
                chosen: list[type[Scene]] = [BUSY[0]] if is_busy else [CALM[0], *CALM[2:4], passing]
                await strike_round(experiment, instance, fault(listener), chosen, with_new_call=not is_busy)

    return run


CASES: Final = (
    Case("broker-killed", "broker restarted", 4, _breaking(BrokerKilled)),
    Case("broker-down", "broker down", 2, _breaking(BrokerDown)),
    Case("broker-slow", "broker slow: it stands still", 2, _breaking(BrokerFrozen)),
)
