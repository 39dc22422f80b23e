"""What the scenes are played on: the phones, the desks and their people, the journal, and the terminal."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from ari_app.domain.desks import POLDA
from ari_app.site.radio_section import Radio
from ari_app.site.settings import Desk, Settings
from ari_app.site.values import host_of, port_of
from scripts.demo.ears import Sounds
from scripts.demo.screen import SceneError, Screen
from scripts.demo.staff import Staff
from scripts.demo.story import Story, head
from scripts.phones import Handset, HandsetCall, Phones, RadioGateway
from scripts.stack import StackError
from scripts.stack.stack import Stack

CALLER_HZ: Final = 480
"""What callers play in place of a voice; like the desks' tones it is no note of the hold music."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running instance with phones, for one demonstration."""

    stack: Stack
    phones: Phones
    screen: Screen
    staff: Staff
    sounds: Sounds
    gateway: RadioGateway | None = None
    """Of the net ``radio``; None: no gateway of the site can be played on this machine."""

    # ---- the site

    @property
    def settings(self) -> Settings:
        """The site's configuration."""
        return self.stack.prepared.settings

    @property
    def polda(self) -> Sequence[Desk]:
        """The Polda's desks, those first at which nobody needs to log in."""
        return sorted(self.settings.polda_desks, key=lambda desk: desk.login)

    @property
    def polres(self) -> Desk | None:
        """A desk of a Polres, if possible one at which nobody needs to log in; None: there is none."""
        desks = sorted((desk for desk in self.settings.desk if desk.unit != POLDA), key=lambda desk: desk.login)
        return desks[0] if desks else None

    @property
    def radio(self) -> Radio | None:
        """The first radio net whose gateway is a loopback address of its own; None: there is none."""
        return next(iter(_playable(self.settings)), None)

    # ---- the phones

    @asynccontextmanager
    async def scene(self, title: str) -> AsyncIterator[None]:
        """Announce a scene; when it has been played, every phone is switched off."""
        self.screen.scene(title)
        yield
        await self.phones.leave()

    async def man(
        self, desk: Desk, *, hz: int | None = None, answers: float | None = None, refuses: int | None = None
    ) -> Handset:
        """The phone of a desk at which somebody is from now on; see ``Phones.handset``."""
        account = (desk.extension, self.stack.prepared.secrets.desks[desk.extension])
        phone = await self.phones.handset(account, hz=hz, answers=answers, refuses=refuses)
        await self.staff.sit_down(desk, phone)
        return phone

    async def dial(self, number: str | None) -> HandsetCall:
        """A citizen dials 110; ``number`` None: it is withheld."""
        dialled = self.settings.site.emergency_numbers[0]
        call = await self.phones.citizen(dialled, number=number, hz=CALLER_HZ)
        self.screen.say("caller", f"{number or 'without a number'} dials {dialled}")
        return call

    # ---- the journal

    def head(self) -> int:
        """The number of the journal's last line."""
        return head(self.stack.prepared.state.journal)

    async def story(self, after: int) -> Story:
        """The story of the first call that came in behind line ``after``."""
        return await Story.begun(self.stack.prepared.state.journal, after, self.screen)


def _playable(settings: Settings) -> list[Radio]:
    own = {settings.asterisk.sip.host, *(match for trunk in settings.trunk for match in trunk.match)}
    found = [(host_of(radio.gateway), radio) for radio in settings.radio]
    return [radio for host, radio in found if host.startswith("127.") and host not in own]


def check(is_so: bool, what: str) -> None:  # noqa: FBT001 - an assertion's condition
    """Raise SceneError(``what``) unless it is so."""
    if not is_so:
        raise SceneError(what)


@asynccontextmanager
async def stage(stack: Stack, screen: Screen) -> AsyncIterator[Stage]:
    """Phones for the instance; on leaving they are gone, and so are the demo's operators.

    Raises:
        StackError: the site's trunk is not on this machine, so nobody can play the public.
    """
    prepared = stack.prepared
    trunk = prepared.settings.trunk[0].match[0]
    if not trunk.startswith("127.") or "/" in trunk:
        raise StackError(f"{prepared.config}: trunk.match: the demo calls from a loopback address, not from {trunk}")
    sip = prepared.settings.asterisk.sip
    home = prepared.state.run / "demo"
    shutil.rmtree(home, ignore_errors=True)
    staff = Staff(prepared, screen)
    gateway = None
    try:
        for radio in _playable(prepared.settings)[:1]:  # from the beginning on: a line that is down is called seldom
            host, port = host_of(radio.gateway), port_of(radio.gateway)
            server = (sip.host, sip.port)
            gateway = await RadioGateway.open(server, host, number="gateway", port=port, hz=0.0, answers=0.0)
        async with Phones((sip.host, sip.port), home, trunk=trunk, desk_host=sip.host) as phones:
            yield Stage(stack, phones, screen, staff, Sounds(prepared.state.sounds), gateway)
            await phones.leave()
    finally:
        if gateway is not None:
            await gateway.close()
        await staff.go_home()
        shutil.rmtree(home, ignore_errors=True)
