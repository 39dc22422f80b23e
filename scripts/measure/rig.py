"""The instance that is measured: three numbers on one Asterisk, with desks of the same kind behind each.

110 goes through the application as every call does; 901 is Asterisk's own ``Dial()``, 902 its ``Queue()``. All three
record the call (SOP VII.g), so the only difference is who decides. The application has everything on: journal, tables,
messages, and a block list to look into.

A stretch in which something went wrong has a ``fault``, and costs nobody but itself; PhoneError ends all of them.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from ari_app.domain.notes import parse
from ari_app.store.journal import read
from ari_app.store.reader import JournalReader
from scripts.measure.rivals import add_rivals
from scripts.measure.seeding import fill
from scripts.measure.usage import BESIDE, all_seconds, difference, machine, pids, settle
from scripts.phones import Behaviour, Caller, Dialling, LoadResult, PhoneError, Phones
from scripts.stack.prepare import Prepared, console, prepare
from scripts.stack.sample import HOST, Sample, make_sample
from scripts.stack.stack import Stack

DESKS: Final = 100
DIAL, QUEUE, APPLICATION = "Dial()", "Queue()", "application"
WAYS: Final = {DIAL: "901", QUEUE: "902", APPLICATION: "110"}

SHORT_MS: Final = 50
TALK_MS: Final = 1000
"""How long the calls last; the longer ones have sound in both directions."""

DIALLED_LATE: Final = 1.05
"""So many times as long may it take to dial them."""

TALKS: Final = 0.1
"""The share of the longer ones."""

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
"""From the last call's end until Asterisk and the application are done with it."""

_FOLLOW_SECONDS: Final = 30.0
"""Within which tables and messages follow, and the dialplan's notes are brought in."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch of calls, and the processor time of each part in milliseconds for each call that was answered."""

    way: str
    load: LoadResult
    cpu_ms: dict[str, float] = field(default_factory=dict)
    in_fallback: int = 0
    """Calls that the dialplan served as the application had not claimed them in time."""

    fault: str = ""
    """Why the figures are worth nothing; empty: they are."""

    seconds: float = math.inf
    """In which the calls were to be dialled."""

    idle: float = math.nan
    """The share of the machine's processors that nothing had to do, while they were dialled."""

    rest_ms: float = math.nan
    """What everything that is no part of the instance took of the processors: telephones, callers, Linux."""

    @property
    def is_dialled_late(self) -> bool:
        """Whether SIPp took longer, so that it was not the rate that was asked for."""
        return self.load.dialling_seconds > DIALLED_LATE * self.seconds

    @property
    def failed(self) -> int:
        """Calls that were not answered, broke off, or were not answered in the way that is measured."""
        badly = sum(not call.is_answered or call.ending != "caller" for call in self.load.calls)
        return min(badly + self.in_fallback, len(self.load.calls))

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

    def __init__(
        self, prepared: Prepared, stack: Stack, phones: Phones, *, said: Sequence[str], brings_in_notes: bool
    ) -> None:
        """Use ``rig``. ``said`` is what the launcher has said so far."""
        self._said, self._brings_in_notes = said, brings_in_notes
        self.prepared, self.stack, self.phones = prepared, stack, phones
        self._living = 0
        self._crowds: list[Caller] = []

    async def warm(self, ways: Iterable[str] = WAYS) -> None:
        """Have a few calls in each way: what is loaded only once."""
        for way in ways:
            await self.measure(way, rate=WARM_RATE, seconds=WARM_SECONDS)

    async def measure(self, way: str, *, rate: float, seconds: float, limit: float | None = None) -> Measured:
        """``rate`` calls a second for so many seconds, each answered at once and ended after 50 ms or a second.

        What is not over after ``limit`` seconds (by default three times as long and 40 s) is broken off, and failed.

        Raises:
            PhoneError: the desks are gone, so nothing more can be measured.
        """
        limit = seconds * 3 + 40 if limit is None else limit
        running, used, line, noted = pids(self.stack), all_seconds(self.stack), self._last_line(), self._noted()
        before = machine()
        load, fault = await self._dial(way, rate=rate, seconds=seconds, limit=limit)
        passed, ours = machine().since(before), sum(difference(used, all_seconds(self.stack)).values())
        await anyio.sleep(_TAIL_SECONDS)
        using = all_seconds(self.stack)
        await self._followed(way)
        using |= {name: spent for name, spent in all_seconds(self.stack).items() if name in BESIDE}
        fallen = {each.call for each in read(self._journal, after=line, actions=["call.fallback"])}
        in_fallback = len(fallen | (self._noted() - noted)) if way == APPLICATION else 0
        if pids(self.stack) != running:
            fault = fault or ": ".join(["a process of the instance ended", *self._said[-1:]])
        if load.unended and self._living:
            fault = fault or f"{load.unended} calls were not over after {limit:g} s"
        if load.unended or fault:
            await self._hang_up_all()
        if not self.phones.has_all_desks:
            raise PhoneError("the desks' SIPp ended")
        answered = max(1, load.answered)
        rest, idle = (passed.busy * 1000 - ours) / answered, passed.idle / passed.whole
        return Measured(way, load, difference(used, using, answered), in_fallback, fault, seconds, idle, rest)

    async def _dial(self, way: str, *, rate: float, seconds: float, limit: float) -> tuple[LoadResult, str]:
        """The calls of a stretch, and what was wrong with those who dialled; empty: nothing."""
        parts: list[LoadResult] = []
        faults: list[str] = []

        async def some(share: float, **how: bool | int) -> None:
            dialling = Dialling(dialled=WAYS[way], number=NUMBER, **how)  # type: ignore[arg-type]  # its own names
            count = max(1, round(rate * share * seconds))
            load = partial(self.phones.load, dialling, count=count, rate=rate * share)
            try:
                parts.append(await load(seconds=limit, breaks_off=True))
            except PhoneError as error:
                faults.append(f"{error}")

        async with anyio.create_task_group() as callers:
            callers.start_soon(partial(some, 1 - TALKS, hang_up_ms=SHORT_MS))
            callers.start_soon(partial(some, TALKS, hang_up_ms=TALK_MS, talks=True))
        return sum(parts, LoadResult(())), "".join(faults[:1])

    async def _followed(self, way: str) -> None:
        """Tables and messages have the calls, and the dialplan's notes are in the journal: nobody else pays for it."""
        await settle(self.stack, names=BESIDE, seconds=_FOLLOW_SECONDS)
        if way == APPLICATION and self._brings_in_notes:
            with anyio.move_on_after(_FOLLOW_SECONDS):
                while any(file.exists() for file in self._notes):  # noqa: ASYNC110 - another process
                    await anyio.sleep(0.1)

    @property
    def _journal(self) -> Path:
        return self.prepared.state.journal

    @property
    def _notes(self) -> tuple[Path, Path]:
        """The dialplan's, and those that the application brings in at the moment."""
        notes = self.prepared.state.notes
        return notes, notes.with_name(f"{notes.name}.taken")

    def _noted(self) -> set[str | None]:
        """Calls of the fallback's of which there are notes still: an application of another kind leaves them there."""
        text = "".join(file.read_text(encoding="ascii") for file in self._notes if file.exists())
        return {note.call for note in map(parse, text.splitlines()) if note and note.began}

    def _last_line(self) -> int:
        if not self._journal.exists():  # an application of another kind has none
            return 0
        with JournalReader(self._journal) as reader:
            return reader.head()[0]

    async def _hang_up_all(self) -> None:
        """End what callers who were broken off have left behind: it would burden the next measurement."""
        state = self.prepared.state
        await anyio.run_process(console(state, "channel request hangup all"), check=False)
        with anyio.move_on_after(_FOLLOW_SECONDS):
            while "\n0 active channels" not in f"\n{await _said(console(state, 'core show channels'))}":  # noqa: ASYNC110 - another process
                await anyio.sleep(0.5)
        await settle(self.stack)

    async def live(self, count: int) -> None:
        """Have so many calls living, in the application's hands: more and more of them.

        TimeoutError when not all are answered.
        """
        more, self._living = count - self._living, max(count, self._living)
        if more <= 0:
            return
        crowd = await self.phones.crowd(Dialling(number=NUMBER), count=more, rate=RAMP)
        self._crowds.append(crowd)
        with anyio.fail_after(more / RAMP + 20):
            # Not at each event: there are thousands, and counting them would cost what is measured.
            while sum(event.kind == "answered" for event in crowd.events.history) < more:  # noqa: ASYNC110
                await anyio.sleep(0.25)

    @property
    def living(self) -> int:
        """So many of those live still."""
        events = [event.kind for crowd in self._crowds for event in crowd.events.history]
        return events.count("answered") - events.count("ended")


async def _said(command: Sequence[str | Path]) -> str:
    return (await anyio.run_process(command, check=False)).stdout.decode()


def prepared_site(sample: Sample, home: Path) -> Prepared:
    """Everything that is written before the first process starts; ``home`` holds it."""
    config = home / "siaga.toml"
    config.write_text(sample.text, encoding="utf-8")
    return prepare(config, home / "state")


@asynccontextmanager
async def rig(  # noqa: PLR0913 - named, and each a thing of its own
    home: Path,
    *,
    desks: int = DESKS,
    numbers: int = 0,
    calls: int = 0,
    application: Sequence[str] | None = None,
    brings_in_notes: bool = True,
) -> AsyncIterator[Rig]:
    """Start the instance and its desks; ``home`` holds all that they write.

    ``numbers`` are blocked and ``calls`` over before it starts. ``application`` is what is started in place of the
    application's own module; one that is not ours may leave the dialplan's notes where they are (``brings_in_notes``).
    """
    sample = make_sample(desks=desks, rtp_ports=RTP_PORTS)
    prepared = prepared_site(sample, home)
    fill(prepared.state, numbers=numbers, calls=calls)
    accounts = [*sample.accounts, *add_rivals(prepared.state.asterisk / "etc", desks)]
    said: list[str] = []
    stack = Stack(prepared, said.append, application=application)
    async with stack.running(), Phones((HOST, sample.sip), home / "phones", trunk=sample.trunk) as phones:
        for first in range(0, len(accounts), AT_ONCE):
            await phones.desk(accounts[first : first + AT_ONCE], Behaviour.answers(echoes=True))
        if numbers or calls:
            await settle(stack)
        yield Rig(prepared, stack, phones, said=said, brings_in_notes=brings_in_notes)
