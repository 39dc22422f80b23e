"""Simulated desk phones: they register, are rung, and do what their behaviour says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

from scripts.phones.audio import Audio
from scripts.phones.behaviour import Behaviour
from scripts.phones.events import Event, EventLog, PhoneEndedError
from scripts.phones.ports import free_port
from scripts.phones.sipp import FOREVER_MS, Sipp, press, write_scenario


class Desk:
    """One SIPp that stands for one desk phone, or for several on the same port.

    Events: ``registered``, ``refused`` (the registration), ``invited``, ``ringing``, ``answered``,
    ``ended`` (field ``by``: ``self`` or ``other``), ``cancelled``, ``rejected``, ``lost`` (no ACK came).
    """

    def __init__(self, accounts: Sequence[tuple[str, str]], host: str, port: int, home: Path) -> None:
        """``accounts`` are (extension, password) pairs; ``home`` a directory of its own."""
        self.accounts = tuple(accounts)
        self.host, self.port = host, port
        self._sipp = Sipp(f"desk {self.extension}", home)
        self._talk: asyncio.Task[None] | None = None

    @property
    def extension(self) -> str:
        """The (first) extension."""
        return self.accounts[0][0]

    @property
    def running(self) -> bool:
        """Whether its SIPp lives."""
        return self._sipp.running

    @property
    def events(self) -> EventLog:
        """All that happened to this phone."""
        return self._sipp.events

    @property
    def contact(self) -> str:
        """Where the phone is reached: ``host:port``."""
        return f"{self.host}:{self.port}"

    async def start(
        self, server: tuple[str, int], behaviour: Behaviour, *, audio: Audio | None, silent_port: int, expires: int
    ) -> None:
        """Register at ``server`` and wait for calls; ``expires`` in seconds, renewed at half of it."""
        home = self._sipp.home
        port = audio.port if audio else silent_port
        echo: list[str] = []
        if behaviour.echoes:
            port = free_port(self.host)
            echo = ["-rtp_echo", "-mp", str(port)]
        code, reason = behaviour.refusal or (486, "Busy Here")
        write_scenario("register", home / "register.xml",
                       {"expires": expires, "refresh_ms": expires * 500, "patience_ms": 2000})  # fmt: skip
        write_scenario(behaviour.scenario, home / "desk.xml", {
            "answer_ms": behaviour.answer_ms, "talk_ms": behaviour.talk_ms, "code": code, "reason": reason,
            # SIPp's timers are some 4 ms coarse: an answer at once takes none.
            "at_once": "" if behaviour.answer_ms else '<nop next="20"/>',
            "audio_ip": audio.host if audio else self.host, "audio_port": port,
        })  # fmt: skip
        (home / "accounts.csv").write_text(accounts_csv(self.accounts), encoding="utf-8")
        await self._sipp.start([
            f"{server[0]}:{server[1]}", "-i", self.host, "-p", str(self.port), "-bind_local",
            "-sf", "register.xml", "-rxsf", "desk.xml", "-inf", "accounts.csv",
            "-users", str(len(self.accounts)), "-mi", self.host, "-default_behaviors", "all,-abortunexp", *echo,
        ])  # fmt: skip
        if audio is not None:
            self._talk = asyncio.create_task(_talk_when_answered(self.events, audio))

    async def registered(self, *, seconds: float = 5.0) -> None:
        """Return when every extension is registered; PhoneTimeoutError else."""
        wanted = {extension for extension, _ in self.accounts}
        await self.events.until(
            lambda: wanted <= {event.fields["extension"] for event in self.events.all("registered")},
            seconds=seconds,
            what="registration",
        )

    async def refused(self, *, seconds: float = 6.0) -> Event:
        """Return when a registration was refused."""
        return await self.events.wait("refused", seconds=seconds)

    async def ringing(self, *, count: int = 1, seconds: float = 10.0) -> Event:
        """The ``count``-th time the phone rang."""
        return await self.events.wait("ringing", count=count, seconds=seconds)

    async def answered(self, *, count: int = 1, seconds: float = 10.0) -> Event:
        """The ``count``-th time the phone answered."""
        return await self.events.wait("answered", count=count, seconds=seconds)

    async def ended(self, *, count: int = 1, seconds: float = 10.0) -> Event:
        """The ``count``-th talk's end."""
        return await self.events.wait("ended", count=count, seconds=seconds)

    async def answer(self, *, seconds: float = 10.0) -> None:
        """Answer the call that rings, or the next one that does."""
        call = await self._open("ringing", ("answered", "cancelled"), seconds)
        await press(self.host, self.port, call, self.events, ("answered", "cancelled"))

    async def hang_up(self, *, seconds: float = 10.0) -> None:
        """Hang up the call that was answered, or the next one that is."""
        call = await self._open("answered", ("ended",), seconds)
        await press(self.host, self.port, call, self.events, ("ended", "lost"))

    async def _open(self, kind: str, closing: Sequence[str], seconds: float) -> str:
        """The latest call that had an event of ``kind`` and none of the ``closing`` ones yet."""

        def still_open() -> list[str]:
            closed = {event.call for event in self.events.history if event.kind in closing}
            return [event.call for event in self.events.all(kind) if event.call not in closed]

        await self.events.until(lambda: bool(still_open()), seconds=seconds, what=f"a call that is {kind}")
        return still_open()[-1]

    async def die(self) -> None:
        """Fall silent: no BYE, no un-registration, as when the plug is pulled."""
        if self._talk is not None:
            self._talk.cancel()
        await self._sipp.kill()


def accounts_csv(accounts: Sequence[tuple[str, str]]) -> str:
    """SIPp's injection file: extension and digest credentials of each account."""
    rows = (f"{name};[authentication username={name} password={secret}]\n" for name, secret in accounts)
    return "SEQUENTIAL\n" + "".join(rows)


async def _talk_when_answered(events: EventLog, audio: Audio) -> None:
    """Play to whomever each answered call's SDP names."""
    with contextlib.suppress(PhoneEndedError):
        for count in itertools.count(1):
            event = await events.wait("answered", count=count, seconds=FOREVER_MS / 1000)
            audio.talk_to(event.fields["ip"], int(event.fields["port"]))
