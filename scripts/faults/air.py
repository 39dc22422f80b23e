"""An operator is on the air while a fault strikes (SOP VII.d): no transmitter stays keyed, and no floor taken."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from ari_app.domain.transmissions import ACTIONS, net_rows
from scripts.faults.floor import PATIENCE_SECONDS, Floor
from scripts.faults.instance import ChaosError
from scripts.faults.oracle import Flaw
from scripts.faults.people import Person, moment
from scripts.faults.scenes import Away, Scene
from scripts.phones import HandsetCall, PhoneError, RadioGateway, tones
from scripts.phones.leg import State

NET: Final = "300"
PORT: Final = 5070
"""The gateway's, in the sample configuration."""

KEY_DOWN, KEY_UP = "A", "B"
KEYED_BY_DIGITS: Final = {
    'connect = "on_demand"': f'connect = "on_demand"\nptt = "dtmf"\nkey_down = "{KEY_DOWN}"\nkey_up = "{KEY_UP}"'
}
"""In the sample's text: a transmitter that does not go off by itself when it hears nothing any more."""

JOINED_SECONDS: Final = 5.0
RELEASED_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 10.0
"""How soon after everything is up the net is there again, and a desk on it: who was told meanwhile that the system is
not available hears that to its end, and dials anew."""

KEYED_SECONDS: Final = 1.5
"""From the key to the operator's voice at the gateway: the key itself, and a lead-in of 0.48 s."""

_LOOK_SECONDS: Final = 0.02
_HEARD_SECONDS: Final = 0.1
"""Who was heard so short a time ago is still on the air."""

_LEAST_SHARE: Final = 0.5


class Transmitter:
    """What the gateway would send out: from ``key_down`` to ``key_up`` or the line's end, and whose voice."""

    def __init__(self, gateway: RadioGateway) -> None:
        """``gateway`` answers for the net."""
        self.gateway = gateway

    def is_on(self) -> bool:
        """Whether it is keyed now."""
        lines = [call for call in self.gateway.talking if call.audio.keys]
        return any(call.audio.keys[-1].key == KEY_DOWN for call in lines)

    def hears(self, hz: int) -> bool:
        """Whether it gets this tone now."""
        since = moment() - _HEARD_SECONDS
        packets = [packet for call in self.gateway.talking for packet in call.audio.packets[-10:] if packet.at >= since]
        return any(tones.share(tones.decode(packet.payload), hz) > _LEAST_SHARE for packet in packets)

    async def released(self, hz: int) -> float | None:
        """When it was off, and the tone not to be heard there any more; None: it stays on."""
        since = moment()
        while self.is_on() or self.hears(hz):
            if moment() - since > PATIENCE_SECONDS:
                return None
            await asyncio.sleep(_LOOK_SECONDS)
        return moment()

    async def keyed(self, hz: int, *, seconds: float) -> float | None:
        """When it was on, and the tone heard there; None: not in time."""
        since = moment()
        while not (self.is_on() and self.hears(hz)):
            if moment() - since > seconds:
                return None
            await asyncio.sleep(_LOOK_SECONDS)
        return moment()


async def bring_in(floor: Floor) -> Transmitter:
    """The radio net's gateway, which there is once in a round."""
    if floor.gateway is None:
        floor.gateway = await floor.phones.gateway(floor.instance.sample.gateway, PORT)
    return Transmitter(floor.gateway)


class _Keyed:
    """Somebody's key on the net, by a call of their phone."""

    def __init__(self, floor: Floor, person: Person, transmitter: Transmitter, title: str) -> None:
        self.floor, self.person, self.transmitter, self._title = floor, person, transmitter, title

    async def down(self, call: HandsetCall) -> None:
        """Key, before any fault; ChaosError: nothing goes out."""
        await call.press("5")
        if await self.transmitter.keyed(self.person.hz, seconds=JOINED_SECONDS) is None:
            raise ChaosError(f"desk {self.person.extension} is not heard on the net")

    async def up(self, call: HandsetCall, since: float) -> None:
        """Unkey while the fault lasts: by whatever way, the transmitter is released."""
        await asyncio.sleep(self.floor.rng.uniform(0.0, 0.5))
        unkeyed = moment()
        with contextlib.suppress(PhoneError):
            await call.press("5")
        at = await self.transmitter.released(self.person.hz)
        what = f"{self.person.extension} ({self._title}) the transmitter is released"
        self.floor.promise(what, self.floor.air_limit, max(since, unkeyed), at, flaw=Flaw.LATE)


class OnTheAir(Scene):
    """A desk has dialled the net, and its operator has keyed."""

    title = "on the air"

    async def begin(self) -> None:
        """The gateway hears the operator."""
        transmitter = await bring_in(self.floor)
        person = next(each for each in self.floor.people if not each.phone.talking)
        self._keyed = _Keyed(self.floor, person, transmitter, self.title)
        await self._dial()
        await self._until_on_net(JOINED_SECONDS)
        await self._keyed.down(self._call)

    async def _dial(self) -> None:
        self._call = await self._keyed.person.phone.dial(NET)
        await self._call.answered()

    async def after(self, since: float) -> None:
        """The operator unkeys."""
        await self._keyed.up(self._call, since)

    async def finish(self) -> None:
        """The operator, on the net still or again, keys and unkeys once more, and leaves."""
        person, transmitter, since = self._keyed.person, self._keyed.transmitter, moment()
        await self._until_on_net(AGAIN_SECONDS)
        what = f"{person.extension} ({self.title}) the net is there again"
        self.floor.promise(what, AGAIN_SECONDS, since, moment(), flaw=Flaw.LATE)
        pressed = moment()
        await self._call.press("5")
        at = await transmitter.keyed(person.hz, seconds=PATIENCE_SECONDS)
        self.floor.promise(f"{person.extension} ({self.title}) keys again", KEYED_SECONDS, pressed, at)
        pressed = moment()
        await self._call.press("5")
        at = await transmitter.released(person.hz)
        what = f"{person.extension} ({self.title}) unkeys again"
        self.floor.promise(what, RELEASED_SECONDS, pressed, at, flaw=Flaw.LATE)
        await self._call.hang_up()

    async def _until_on_net(self, seconds: float) -> None:
        """Line and desk are on the net; who is hung up on dials again. ChaosError: not in time."""
        end, desk, instance = moment() + seconds, self._keyed.person.extension, self.floor.instance
        while True:
            net = net_rows(instance.records(after=self.floor.begun_at, actions=ACTIONS)).get(NET)
            if net is not None and desk in net.desks and self._keyed.transmitter.gateway.is_up(NET):
                return
            if self._call.state is State.ENDED:
                await self._dial()
            if moment() > end:
                raise ChaosError(f"desk {desk} is not on the net: {net}")
            await asyncio.sleep(_LOOK_SECONDS)


class Patched(Away):
    """The operator has left the caller on hold for the net (``*3NET#``), and has keyed."""

    title = "on hold for the net"
    back = "#"

    async def begin(self) -> None:
        """The gateway hears the operator."""
        transmitter = await bring_in(self.floor)
        await self._talk()
        await self.floor.press(self.operator, self.citizen, f"*3{NET}#")
        if await self.floor.told(self.citizen.number, "radio.patched") is None:
            raise ChaosError("no radio.patched")
        call = self.operator.call_of(self.citizen.number)
        if call is None:
            raise ChaosError(f"{self.citizen.number} has lost its operator")
        self._call = call
        self._keyed = _Keyed(self.floor, self.operator, transmitter, self.title)
        await self._keyed.down(call)

    async def after(self, since: float) -> None:
        """The operator unkeys."""
        await self._keyed.up(self._call, since)


AIR: Final[tuple[type[Scene], ...]] = (OnTheAir, Patched)
"""States in which a transmitter is on; one at a time, as there is one floor."""
