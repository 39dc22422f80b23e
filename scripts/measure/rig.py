"""The instance that is measured: three numbers on one Asterisk, the same desks behind each.

110 goes through the application as every call does; 901 is Asterisk's own ``Dial()``, 902 its ``Queue()``. All three
record the call (SOP VII.g), so the only difference is who decides. The application has everything on: journal, tables,
messages, and a block list to look into.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from ari_app.site.state import write_private
from ari_app.store.journal import read
from ari_app.store.reader import JournalReader
from scripts.measure.seeding import fill
from scripts.measure.usage import BESIDE, all_seconds, difference, pids, settle
from scripts.phones import Behaviour, Dialling, LoadResult, PhoneError, Phones
from scripts.stack.prepare import Prepared, console, prepare
from scripts.stack.sample import HOST, Sample, make_sample
from scripts.stack.stack import Stack

DESKS: Final = 100
DIAL, QUEUE, APPLICATION = "Dial()", "Queue()", "application"
WAYS: Final = {DIAL: "901", QUEUE: "902", APPLICATION: "110"}

SHORT_MS: Final = 50
TALK_MS: Final = 1000
"""How long the calls last; the longer ones have sound in both directions."""

RAMP: Final = 15
"""Calls a second while the living ones begin."""

WARM_RATE, WARM_SECONDS = 20, 3

AT_ONCE: Final = 250
"""Desks that register at the same time."""

RTP_PORTS: Final = 6000
"""For 1,500 calls at once. Without a free one Asterisk refuses (488), and looks through all of them each time, so that
it hardly does anything else: at a rate that is too high this would be measured in place of the way.
"""

NUMBER: Final = "081255550[call_number]"
"""Who calls: each somebody else, with a mobile number of ten to thirteen digits as there are."""

_TAIL_SECONDS: Final = 1.5
"""From the last call's end until tables and messages have it, and the dialplan's notes are in the journal."""

_DIALPLAN: Final = """
[from-trunk](+)
exten => 901,1,MixMonitor(${RECORDINGS}/${UNIQUEID}.wav)
 same => n,Set(DESK=$[1001 + ${RAND(0,{last})}])
 same => n,Dial(PJSIP/${DESK},20)
exten => 902,1,MixMonitor(${RECORDINGS}/${UNIQUEID}.wav)
 same => n,Queue(bench,,,,20)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch of calls, and the processor time of each part in milliseconds a call."""

    way: str
    load: LoadResult
    cpu_ms: dict[str, float] = field(default_factory=dict)
    in_fallback: int = 0
    """Calls that the dialplan served as the application had not claimed them in time."""

    @property
    def failed(self) -> int:
        """Calls that were not answered, broke off, or were not answered in the way that is measured."""
        return sum(not call.is_answered or call.ending == "lost" for call in self.load.calls) + self.in_fallback

    @property
    def application_ms(self) -> float:
        """The application's own."""
        return self.cpu_ms["application"]

    @property
    def asterisk_ms(self) -> float:
        """Asterisk's own."""
        return self.cpu_ms["asterisk"]

    @property
    def beside_ms(self) -> float:
        """What our other processes use: tables, messages, broker, guard."""
        return sum(self.cpu_ms.get(name, 0.0) for name in BESIDE)


class Rig:
    """A running instance with its phones."""

    def __init__(self, prepared: Prepared, stack: Stack, phones: Phones) -> None:
        """Use ``rig``."""
        self.prepared, self.stack, self.phones = prepared, stack, phones
        self._living = 0

    async def warm(self, ways: Iterable[str] = WAYS) -> None:
        """Have a few calls in each way: what is loaded only once."""
        for way in ways:
            await self.measure(way, rate=WARM_RATE, seconds=WARM_SECONDS)

    async def measure(
        self, way: str, *, rate: float, seconds: float, talks: float = 0.0, limit: float | None = None
    ) -> Measured:
        """``rate`` calls a second for so many seconds, each answered at once and ended after 50 ms.

        ``talks`` is the share of them that lasts a second, with sound. What is not over after ``limit`` seconds
        (by default three times as long and 40 s) is broken off, and has failed.

        Raises:
            PhoneError: one of the processes ended, or calls had to be broken off while others live (``live``).
        """
        limit = seconds * 3 + 40 if limit is None else limit
        before, running, told = all_seconds(self.stack), pids(self.stack), self._last_line()
        parts: list[LoadResult] = []
        broken: list[PhoneError] = []

        async def some(share: float, **how: bool | int) -> None:
            dialling = Dialling(dialled=WAYS[way], number=NUMBER, **how)  # type: ignore[arg-type]  # its own names
            count = max(1, round(rate * share * seconds))
            load = partial(self.phones.load, dialling, count=count, rate=rate * share)
            try:
                parts.append(await load(seconds=limit, breaks_off=True))
            except PhoneError as error:
                broken.append(error)

        async with anyio.create_task_group() as callers:
            callers.start_soon(partial(some, 1 - talks, hang_up_ms=SHORT_MS))
            if talks:
                callers.start_soon(partial(some, talks, hang_up_ms=TALK_MS, talks=True))
        if broken:
            await self._hang_up_all()
            raise broken[0]
        await anyio.sleep(_TAIL_SECONDS)
        load = sum(parts, LoadResult(()))
        cpu = difference(before, all_seconds(self.stack), len(load.calls))
        in_fallback = sum(1 for _ in read(self._journal, after=told, actions=["call.fallback"]))
        has_ended = pids(self.stack) != running
        if load.unended or has_ended:
            await self._hang_up_all()
        if has_ended:
            raise PhoneError("a process of the instance ended")
        if not self.phones.has_all_desks:
            raise PhoneError("the desks' SIPp ended")
        if load.unended and self._living:
            raise PhoneError(f"{load.unended} calls were not over after {limit:g} s")
        return Measured(way, load, cpu, in_fallback)

    @property
    def _journal(self) -> Path:
        return self.prepared.state.journal

    def _last_line(self) -> int:
        if not self._journal.exists():  # an application of another kind has none
            return 0
        with JournalReader(self._journal) as reader:
            return reader.head()[0]

    async def _hang_up_all(self) -> None:
        """End what callers who were broken off have left behind: it would burden the next measurement."""
        await anyio.run_process(console(self.prepared.state, "channel request hangup all"))
        await settle(self.stack)

    async def live(self, count: int) -> None:
        """Have so many calls living, in the application's hands: more and more of them.

        TimeoutError when not all are answered.
        """
        more, self._living = count - self._living, max(count, self._living)
        if more <= 0:
            return
        dialling = Dialling(number=NUMBER)
        crowd = await self.phones.crowd(dialling, count=more, rate=RAMP)
        with anyio.fail_after(more / RAMP + 20):
            # Not at each event: there are thousands, and counting them would cost what is measured.
            while sum(event.kind == "answered" for event in crowd.events.history) < more:  # noqa: ASYNC110
                await anyio.sleep(0.25)


def prepared_site(sample: Sample, home: Path) -> Prepared:
    """Everything that is written before the first process starts; ``home`` holds it."""
    config = home / "siaga.toml"
    config.write_text(sample.text, encoding="utf-8")
    return prepare(config, home / "state")


@asynccontextmanager
async def rig(
    home: Path, *, desks: int = DESKS, numbers: int = 0, calls: int = 0, application: Sequence[str] | None = None
) -> AsyncIterator[Rig]:
    """Start the instance and its desks; ``home`` holds all that they write.

    ``numbers`` are blocked and ``calls`` over before it starts. ``application`` is what is started in place of the
    application's own module.
    """
    sample = make_sample(desks=desks, rtp_ports=RTP_PORTS)
    prepared = prepared_site(sample, home)
    fill(prepared.state, numbers=numbers, calls=calls)
    _add_rivals(prepared.state.asterisk / "etc", sample)
    stack = Stack(prepared, lambda _: None, application=application)
    async with stack.running(), Phones((HOST, sample.sip), home / "phones", trunk=sample.trunk) as phones:
        for first in range(0, desks, AT_ONCE):
            await phones.desk(sample.accounts[first : first + AT_ONCE], Behaviour.answers(echoes=True))
        if numbers or calls:
            await settle(stack)
        yield Rig(prepared, stack, phones)


def _add_rivals(etc: Path, sample: Sample) -> None:
    extensions, modules = etc / "extensions.conf", etc / "modules.conf"
    rivals = _DIALPLAN.replace("{last}", str(len(sample.accounts) - 1))
    write_private(extensions, extensions.read_text(encoding="utf-8") + rivals)
    write_private(
        modules,
        modules.read_text(encoding="utf-8") + "load = app_queue.so\nload = func_rand.so\nload = res_musiconhold.so\n",
    )
    members = "".join(f"member => PJSIP/{extension}\n" for extension, _ in sample.accounts)
    write_private(
        etc / "queues.conf",
        f"[bench]\nstrategy = leastrecent\nringinuse = no\nautofill = yes\ntimeout = 15\nretry = 1\n{members}",
    )
    write_private(etc / "musiconhold.conf", "[general]\n")
