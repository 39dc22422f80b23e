"""The broker is dead for a minute under load, and a reader is slow: no call may notice, and no reader miss a line.

Beside each there is the same load when all is well, in the same run: what counts is the ratio of the two.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import threading
from typing import Final, cast

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from scripts.faults.case_broker import TOPIC, BrokerDown, Listener, listening, persistent, supervisor_password
from scripts.faults.crowd import Crowd, let_call
from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import ANSWER_SECONDS, Floor
from scripts.faults.instance import Instance
from scripts.phones import Behaviour, Dialling
from scripts.stack.sample import HOST

CALLS_A_SECOND: Final = 5.0
WINDOW_SECONDS, DEAD_SECONDS = 30.0, 60.0
SLOWER: Final = 1.5
"""Times the median of the same load when all is well: more than this machine's own noise."""

READ_SECONDS: Final = 0.3
"""The slow reader takes one message in so long, of some fifty a second."""

_BUFFER_BYTES: Final = 4096
_DESKS: Final = 12


class SlowReader(Listener):
    """Reads so slowly that the broker has to wait for it; from ``hurry`` on as fast as it can."""

    def __init__(self, instance: Instance) -> None:
        """Not connected yet."""
        super().__init__(instance)
        self._is_over, self._hurries = threading.Event(), threading.Event()

    def hurry(self) -> None:
        """It has been slow for long enough."""
        self._hurries.set()

    async def run(self) -> None:
        """Read in a thread, for ever."""
        try:
            await asyncio.to_thread(self._read, asyncio.get_running_loop())
        finally:
            self._is_over.set()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id="chaos-slow", protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set("supervisor", supervisor_password(self._instance))
        client.on_connect, client.on_message = self._connected, self._came
        client.connect(HOST, self._instance.sample.mqtt, clean_start=False, properties=persistent())
        cast("socket.socket", client.socket()).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        while not self._is_over.is_set():
            client.loop(0.05)
            if client.is_connected() and not self.subscribed.is_set():
                loop.call_soon_threadsafe(self.subscribed.set)
            elif not self._hurries.is_set():
                self._is_over.wait(READ_SECONDS)
        client.disconnect()

    def _connected(self, client: Client, *_: object) -> None:
        client.subscribe(TOPIC, qos=1)

    def _came(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self._take(message.payload)


async def _outage(experiment: Experiment) -> None:
    async with experiment.instance(desks=_DESKS) as instance, listening(Listener(instance)) as listener:
        for _ in range(experiment.rounds):
            title = f"{CALLS_A_SECOND:g} calls a second, the broker dead for {DEAD_SECONDS:g} s, then a slow reader"
            async with experiment.round(instance, title, settle=30) as floor:
                await _round(floor, instance, listener)


async def _round(floor: Floor, instance: Instance, listener: Listener) -> None:
    await floor.phones.desk(instance.sample.accounts, Behaviour.answers())
    well = [await _load(floor, "all is well, before", WINDOW_SECONDS)]
    down = BrokerDown(listener, seconds=DEAD_SECONDS)
    await down.strike(instance)
    dead, _ = await asyncio.gather(_load(floor, "broker dead", DEAD_SECONDS), down.recover(floor, 0.0))
    well.append(await _load(floor, "all is well, after", WINDOW_SECONDS))
    reader = SlowReader(instance)
    async with listening(reader):
        slow = await _load(floor, "slow reader", WINDOW_SECONDS)
        behind = len(set(listener.lines)) - len(set(reader.lines))
        floor.promise(f"the slow reader (of {behind} lines) is behind", 0.0, 0.0, 0.0 if behind > 0 else None)
        reader.hurry()
        await down.check(floor)
        await BrokerDown(reader).check(floor, first=reader.lines[0])
    for what, delay in (("without a broker", dead), ("with a slow reader", slow)):
        floor.promise(f"times as long (the median) to the answer {what}", SLOWER, 0.0, delay / statistics.mean(well))


async def _load(floor: Floor, what: str, seconds: float) -> float:
    """Callers for so long: the median of their answer delays, in seconds."""
    crowd = Crowd(round(CALLS_A_SECOND * seconds), CALLS_A_SECOND, Dialling(hang_up_ms=500), ANSWER_SECONDS)
    await let_call(floor, crowd, seconds=seconds + 60, what=what)
    took = [each.took for each in floor.promises if f"({what})" in each.what and each.took is not None]
    return statistics.median(took) if took else float("inf")


CASES: Final = (Case("broker-minute", "broker killed for a minute under load, then a slow subscriber", 1, _outage),)
