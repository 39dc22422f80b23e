"""Telling whether the application is there, and what is wrong with it (``siaga110/status``, ``siaga110/alarms``).

It has a connection of its own, whose last will says ``offline``: killed, frozen or cut off, the broker tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import anyio
from aiomqtt import MqttError, Will

from ari_app.bus import topics
from ari_app.bus.broker import Broker, BusClient
from ari_app.bus.link import Link
from ari_app.bus.payloads import Alarm, Alarms, Payload, Status

ALARM_SECONDS: Final = 0.5
"""How often it is looked whether something is wrong."""

FAREWELL_SECONDS: Final = 0.5
"""How long saying goodbye may take."""

_OFFLINE: Final = Status(state="offline").model_dump_json()


def last_will(topic: str) -> Will:
    """What the broker says at a status topic when the connection is lost."""
    return Will(topic, _OFFLINE, qos=1, retain=True)


async def say_online(client: BusClient, topic: str, at: str) -> None:
    """Say that who is connected works, since ``at``."""
    await client.send(topic, Status(state="online", since=at).model_dump_json(), retain=True)


async def say_offline(client: BusClient, topic: str) -> None:
    """Say goodbye, if that can be done at once: a connection that is ended in good order leaves no will."""
    with suppress(MqttError, OSError), anyio.move_on_after(FAREWELL_SECONDS, shield=True):
        await client.send(topic, _OFFLINE, retain=True)


class Presence:
    """The application's status and alarms, for as long as ``run`` runs."""

    def __init__(
        self, broker: Broker, *, now: Callable[[], str], alarms: Mapping[str, Callable[[], str | None]]
    ) -> None:
        """``now`` is the time as the journal writes it; each of ``alarms`` says what is wrong, or None."""
        identifier, will = broker.identifier("application"), last_will(topics.STATUS)
        self._link = Link(broker, name="presence", identifier=identifier, will=will)
        self._now = now
        self._look = alarms
        self._alarms: dict[str, Alarm] = {}

    async def run(self) -> None:
        """Tell for ever; a broker that is away is only logged, and tried again."""
        await self._link.run(self._tell)

    async def _tell(self, client: BusClient) -> None:
        await say_online(client, topics.STATUS, self._now())
        self._link.is_up()
        told: Payload | None = None
        try:
            while True:
                alarms = self._current()
                if alarms != told:
                    await client.send(topics.ALARMS, alarms.model_dump_json(), retain=True)
                    told = alarms
                await anyio.sleep(ALARM_SECONDS)
        except anyio.get_cancelled_exc_class():
            await say_offline(client, topics.STATUS)
            raise

    def _current(self) -> Alarms:
        found: dict[str, Alarm] = {}
        for name, look in self._look.items():
            text = look()
            if text is not None:
                known = self._alarms.get(name)
                since = known.since if known is not None else self._now()
                found[name] = Alarm(name=name, text=text, since=since)
        self._alarms = found
        return Alarms(alarms=tuple(found.values()))
