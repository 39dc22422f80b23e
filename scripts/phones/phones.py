"""The owner of all simulated phones of one test, demo or measurement."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from scripts.phones.audio import Audio
from scripts.phones.behaviour import Behaviour
from scripts.phones.caller import Caller, Dialling, LoadResult
from scripts.phones.desk import Desk, accounts_csv
from scripts.phones.events import PhoneError, PhoneTimeoutError
from scripts.phones.gateway import SILENCE, RadioGateway
from scripts.phones.handset import Handset
from scripts.phones.handset_call import HandsetCall
from scripts.phones.ports import free_port
from scripts.phones.sipp import Sipp, write_scenario
from scripts.phones.wire import Carrier

Account: TypeAlias = tuple[str, str]
"""Extension and password."""


class Phones:
    """Starts phones against one SIP server and ends them all when left (``async with``)."""

    def __init__(
        self, server: tuple[str, int], home: Path, *, trunk: str = "127.0.0.2", desk_host: str = "127.0.0.1"
    ) -> None:
        """``home`` holds whatever SIPp writes; ``trunk`` is the address callers dial from."""
        self.server = server
        self.trunk = trunk
        self.desk_host = desk_host
        self._home = home
        self._number = itertools.count(1)
        self._desks: list[Desk] = []
        self._callers: list[Caller] = []
        self._handsets: list[Handset] = []
        self._audios: list[Audio] = []
        self._sinks: dict[str, socket.socket] = {}

    async def __aenter__(self) -> Self:
        """Nothing is started yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every phone, silently."""
        await self.close()

    async def audio(self, hz: int, *, host: str | None = None) -> Audio:
        """An end for RTP that plays a tone of ``hz``."""
        audio = await Audio.open(host or self.desk_host, hz)
        self._audios.append(audio)
        return audio

    async def desk(
        self,
        accounts: Account | Sequence[Account],
        behaviour: Behaviour | None = None,
        *,
        audio: Audio | None = None,
        expires: int = 120,
        wait: bool = True,
    ) -> Desk:
        """A desk phone (or several on one port), registered when this returns unless ``wait`` is False.

        Raises PhoneTimeoutError when the registration does not succeed.
        """
        several = [accounts] if isinstance(accounts, tuple) and isinstance(accounts[0], str) else accounts
        desk = Desk(several, self.desk_host, free_port(self.desk_host), self._room("desk"))  # type: ignore[arg-type]  # told apart above, which mypy cannot follow
        self._desks.append(desk)
        await desk.start(
            self.server,
            behaviour or Behaviour.answers(),
            audio=audio,
            silent_port=self._sink(self.desk_host),
            expires=expires,
        )
        if wait:
            await desk.registered()
        return desk

    @property
    def has_all_desks(self) -> bool:
        """Whether every desk that was started is still there."""
        return all(desk.running for desk in self._desks)

    async def handset(  # noqa: PLR0913 -- named, and each a thing of its own
        self,
        account: Account,
        *,
        hz: float | None = None,
        answers: float | None = None,
        refuses: int | None = None,
        name: str | None = None,
        expires: int = 120,
        wait: bool = True,
    ) -> Handset:
        """A desk phone that can be told what to do during a call, registered when this returns unless not ``wait``.

        ``hz`` is the tone it plays in its calls, None: nothing. It answers after ``answers`` seconds, None: when told.
        ``refuses`` is the code with which it refuses every call instead. PhoneError when it cannot register.
        """
        handset = await Handset.open(
            self.server, self.desk_host,
            account=account, name=name, hz=hz, answers=answers, refuses=refuses, expires=expires,
        )  # fmt: skip
        self._handsets.append(handset)
        if wait:
            await handset.registered()
        return handset

    async def gateway(self, host: str, port: int, *, answers: float | None = 0.0) -> RadioGateway:
        """A radio gateway at an address of its own; it answers for every net after so many seconds, None: never."""
        gateway = await RadioGateway.open(self.server, host, number="gateway", port=port, hz=SILENCE, answers=answers)
        self._handsets.append(gateway)
        return gateway

    async def citizen(  # noqa: PLR0913 -- named, and each a thing of its own
        self,
        dialled: str = "110",
        *,
        number: str | None = "081234567890",
        name: str | None = None,
        asserted: str | None = None,
        hz: float | None = None,
        carry: Carrier | None = None,
    ) -> HandsetCall:
        """A caller who dials now from the trunk's address and can be told what to do; ``number`` None: anonymous.

        ``asserted`` is the number that the network vouches for (P-Asserted-Identity); ``carry`` what the network does
        to the phone's datagrams (``Wire.carry``).
        """
        handset = await Handset.open(self.server, self.trunk, number=number, name=name, hz=hz)
        handset.wire.carry = carry
        self._handsets.append(handset)
        headers = [("P-Asserted-Identity", f"<sip:{asserted}@{self.trunk}>")] if asserted else []
        return await handset.dial(dialled, headers=headers)

    async def unregister(self, *accounts: Account) -> None:
        """Take all contacts of these extensions away, as phones do that are switched off properly."""
        if not accounts:
            return
        room = self._room("unregister")
        write_scenario("unregister", room / "unregister.xml", {"patience_ms": 4000})
        (room / "accounts.csv").write_text(accounts_csv(accounts), encoding="utf-8")
        sipp = Sipp(f"desk {accounts[0][0]}", room)
        host = self.desk_host
        await sipp.start([
            f"{self.server[0]}:{self.server[1]}", "-i", host, "-p", str(free_port(host)), "-bind_local", "-mi", host,
            "-sf", "unregister.xml", "-inf", "accounts.csv", "-m", str(len(accounts)), "-users", str(len(accounts)),
        ])  # fmt: skip
        await sipp.finished(seconds=10)
        if len(sipp.events.all("unregistered")) != len(accounts):
            msg = f"{len(accounts)} desks from {accounts[0][0]} on could not un-register"
            raise PhoneError(msg)

    async def leave(self) -> None:
        """End every phone as people do: calls are dropped, and the registrations are taken back."""
        await self._silence()
        await asyncio.gather(*(handset.leave() for handset in self._handsets if not handset.wire.is_closed))
        registered = [
            account
            for desk in self._desks
            for account in desk.accounts
            if desk.events.all("registered", extension=account[0])
        ]
        await self.unregister(*dict.fromkeys(registered))

    async def _silence(self) -> None:
        for caller in self._callers:
            await caller.die()
        for desk in self._desks:
            await desk.die()

    async def call(
        self, dialling: Dialling | None = None, *, audio: Audio | None = None, host: str | None = None
    ) -> Caller:
        """A caller who dials now, from ``host`` or else from the trunk's address."""
        return await self._caller(dialling or Dialling(), audio=audio, host=host or self.trunk, count=1, rate=10)

    async def load(
        self, dialling: Dialling, *, count: int, rate: float, seconds: float, breaks_off: bool = False
    ) -> LoadResult:
        """``count`` calls, ``rate`` a second; PhoneError when they are not over within ``seconds``.

        ``breaks_off``: in place of the error, what is not over counts as lost.
        """
        caller = await self.crowd(dialling, count=count, rate=rate)
        try:
            result = await caller.results(seconds=seconds)
        except PhoneTimeoutError:
            if not breaks_off:
                raise
            return caller.so_far(count)
        else:  # SIPp may have ended before it dialled all of them
            return result if len(result.calls) >= count or not breaks_off else caller.so_far(count)
        finally:
            await caller.die()

    async def crowd(self, dialling: Dialling, *, count: int, rate: float) -> Caller:
        """``count`` callers who begin to dial now, ``rate`` a second."""
        return await self._caller(dialling, audio=None, host=self.trunk, count=count, rate=rate)

    async def _caller(self, dialling: Dialling, *, audio: Audio | None, host: str, count: int, rate: float) -> Caller:
        caller = Caller(host, free_port(host), self._room("caller"))
        self._callers.append(caller)
        await caller.start(self.server, dialling, audio=audio, silent_port=self._sink(host), count=count, rate=rate)
        return caller

    def _room(self, name: str) -> Path:
        room = self._home / f"{next(self._number):03}-{name}"
        room.mkdir(parents=True)
        return room

    def _sink(self, host: str) -> int:
        """A bound port nobody reads: RTP sent there is dropped without an ICMP complaint."""
        if host not in self._sinks:
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.bind((host, 0))
            self._sinks[host] = sink
        port: int = self._sinks[host].getsockname()[1]
        return port

    async def close(self) -> None:
        """End every phone, silently; a second time does nothing."""
        await self._silence()
        await asyncio.gather(*(handset.close() for handset in self._handsets))
        for audio in self._audios:
            audio.close()
        for sink in self._sinks.values():
            sink.close()
        self._sinks.clear()
