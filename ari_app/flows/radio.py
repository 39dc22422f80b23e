"""All radio nets of the site (SOP VII.d): what the router, the desks and reconciling need of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from ari_app.ari.errors import AriError, AriRefused
from ari_app.domain.stand_ins import strangers_on_nets
from ari_app.flows.hearing import let_be_heard
from ari_app.flows.messages import LegGone
from ari_app.flows.radio_air import SILENCE_MS
from ari_app.flows.radio_messages import Came, Seen
from ari_app.flows.radio_net import Net
from ari_app.flows.radio_tape import Tape
from ari_app.flows.seen import look

if TYPE_CHECKING:
    from collections.abc import Callable

    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch
    from ari_app.domain.facts import Fact
    from ari_app.domain.radio import NetRules
    from ari_app.flows.radio_bell import Desks


def _always() -> bool:
    return True


class Nets:
    """The nets by their numbers; ``run`` serves them."""

    def __init__(  # noqa: PLR0913 - a part of the application each
        self,
        rules: Iterable[NetRules],
        asterisk: Commands,
        switch: Switch,
        tell: Callable[[Fact], None],
        desks: Desks | None = None,
        *,
        has_room: Callable[[], bool] = _always,
    ) -> None:
        """None of them is in use yet. ``desks`` ring for officers; None: none do. ``has_room``: for recordings."""
        self._asterisk = asterisk
        tapes = [Tape(each, asterisk, has_room) for each in rules]
        self._nets = {tape.rules.net: Net(tape, asterisk, switch, tell, desks) for tape in tapes}
        self._connected = anyio.Event()

    async def run(self) -> None:
        """Serve all of them for as long as the application runs, from the first ``after_gap`` on."""
        await self._connected.wait()
        async with anyio.create_task_group() as tasks:
            for net in self._nets.values():
                tasks.start_soon(net.run)
                if net.bell is not None:
                    tasks.start_soon(net.bell.run)

    def get(self, net: str) -> Net | None:
        """A net by its number; None: there is none."""
        return self._nets.get(net)

    async def free(self, leg: str, net: str | None = None) -> None:
        """An operator's leg that was on a net, and is elsewhere now, is heard again, and without delay.

        ``net`` None: on which is not known. A caller is never delayed nor hushed, and must not be set back either: it
        takes a variable of the channel, and with one from ARI the caller's line writes no file any more, so no note of
        its end (docs/asterisk.md).

        Raises:
            AriError: it is gone, or Asterisk gives no answer.
        """
        await let_be_heard(self._asterisk, leg)
        await self._asterisk.delay(leg, 0)
        if (level := self._level_of_voices(net)) is not None:
            # Talk is heard in front of the hush only where it was asked for before the first of these.
            await self._asterisk.detect_talk(leg, silence_ms=SILENCE_MS, level=level)
            await self._asterisk.unhush(leg)

    async def end_strangers(self) -> None:
        """Somebody has left a net: hang up whom Asterisk may have put into their place, by their phone's transfer key.

        It has by then, though the news of it may come later, or not at all. Never raises.
        """
        with suppress(AriError):  # reconciling does it
            for leg in strangers_on_nets(*await look(self._asterisk)):
                with suppress(AriRefused):  # gone by now
                    await self._asterisk.hangup(leg)

    def have_voices_that_key(self) -> bool:
        """Whether there is a net on which operators key by speaking: who was on it is listened to by Asterisk."""
        return self._level_of_voices(None) is not None

    def _level_of_voices(self, net: str | None) -> int | None:
        each = (known.rules for known in self._nets.values() if net in {None, known.rules.net})
        return next((rules.talk_level for rules in each if rules.by_voice), None)

    def came(self, leg: str, net: str) -> None:
        """A gateway has called one of its nets."""
        self._nets[net].deliver(Came(leg))

    def has_rung(self, leg: str) -> bool:
        """Whether a leg that has just come is a desk's that was rung for an officer."""
        return any(net.bell is not None and net.bell.entered(leg) for net in self._nets.values())

    # ---- reconciling -----------------------------------------------------------------------------------

    async def after_gap(self) -> None:
        """Events were lost: each net looks what has become of its line.

        Raises:
            AriError: Asterisk gives no answer.
        """
        if self._nets and self._connected.is_set():
            made = self.certain_legs() | self.made()
            there = {channel.id for channel in await self._asterisk.channels()}
            there |= {bridge.id for bridge in await self._asterisk.bridges()}
            for net in self._nets.values():
                net.deliver(Seen(frozenset(made - there)))
        self._connected.set()

    def made(self) -> set[str]:
        """The legs and bridges that the nets look after themselves."""
        return {made for net in self._nets.values() for made in net.made()}

    def certain_legs(self) -> set[str]:
        """The legs that Asterisk must have."""
        return {leg for net in self._nets.values() for leg in net.certain_legs()}

    def owns(self, made: str) -> bool:
        """Whether a leg or bridge is a net's."""
        return any(made in net.made() for net in self._nets.values())

    def leg_lost(self, leg: str) -> None:
        """A leg was found missing."""
        for net in self._nets.values():
            if leg in net.made():
                net.deliver(LegGone(leg))
