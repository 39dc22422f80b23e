"""A case is one row of the table; it is run in rounds, and each round is judged by itself."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.faults.air import KEYED_BY_DIGITS
from scripts.faults.floor import Floor, open_floor
from scripts.faults.instance import ChaosError, Instance
from scripts.faults.oracle import Finding, Flaw, judge
from scripts.phones import PhoneError
from scripts.stack.sample import make_sample

CHANGES: Final = {
    **KEYED_BY_DIGITS,
    "ring_seconds = 2": "ring_seconds = 20\nannounce_seconds = 3",
    "[[trunk]]": "[transfer]\nanswer_seconds = 4\n\n[[trunk]]",
}
"""Callers who wait hear the announcement soon, but later than any desk must answer: to SIPp both are an answer.
Nobody at a desk becomes not ready while a case has them away."""


@dataclass(slots=True)
class Round:
    """What came of one round; ``took`` are the seconds of every promise that was kept or came late, by its kind."""

    title: str
    calls: int = 0
    findings: list[Finding] = field(default_factory=list)
    broken: str = ""
    """Why the round proves nothing; empty: it does."""
    worst: dict[str, float] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether all held."""
        return not self.findings and not self.broken

    def count(self, flaw: Flaw) -> int:
        """How many findings of a kind."""
        return Counter(finding.flaw for finding in self.findings)[flaw]


class Experiment:
    """One run of one case. All that is left to chance comes from ``rng``."""

    def __init__(self, home: Path, rng: random.Random, rounds: int, say: Callable[[str], None]) -> None:
        """``home`` is a directory of its own; ``say`` tells the person at the terminal."""
        self.home, self.rng, self.rounds, self.say = home, rng, rounds, say
        self.results: list[Round] = []

    @asynccontextmanager
    async def instance(
        self,
        *,
        desks: int = 8,
        polres: int = 3,
        application: Mapping[str, str] | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Instance]:
        """A running instance of its own; its state directory stays where something was found.

        ``application`` goes into the environment of its application alone.
        """
        home = self.home / f"instance{len(list(self.home.glob('instance*')))}"
        home.mkdir(parents=True)
        sample = make_sample(desks=desks, polres=polres)
        instance = Instance(home, sample, application=application, changes={**CHANGES, **(changes or {})})
        before = len(self.results)
        try:
            await instance.start()
            yield instance
        finally:
            await instance.stop()
            if all(each.is_good for each in self.results[before:]):
                shutil.rmtree(home)

    @asynccontextmanager
    async def round(self, instance: Instance, title: str, *, settle: float = 12.0) -> AsyncIterator[Floor]:
        """One round: phones, what happens inside, and the judgement afterwards.

        ``settle`` is how many seconds everything has to end and to be told.
        """
        result = Round(title)
        began = time.monotonic()
        phones = self.home / f"phones{len(self.results)}"
        async with open_floor(instance, phones, self.rng) as floor:
            try:
                yield floor
            except (ChaosError, PhoneError, TimeoutError) as error:
                result.broken = f"{type(error).__name__}: {error} [{floor.situation()}; {floor.last_told()}]"
            try:
                evidence = await floor.evidence(seconds=settle)
            except (ChaosError, PhoneError, TimeoutError, OSError) as error:
                result.broken = result.broken or f"{type(error).__name__}: {error}"
            else:
                result.calls = len(evidence.calls)
                result.findings = judge(evidence)
                for promise in evidence.promises:
                    kind = promise.what.partition(" [")[0].rpartition(") ")[2]
                    result.worst[kind] = max(result.worst.get(kind, 0.0), promise.took or 0.0)
        self.results.append(result)
        shutil.rmtree(phones, ignore_errors=True)
        self.say(f"{title}: {_verdict(result)} ({time.monotonic() - began:.0f} s)")


def _verdict(result: Round) -> str:
    times = ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in result.worst.items())
    if result.broken:
        return f"proves nothing: {result.broken}"
    if result.findings:
        return "; ".join(f"{finding.flaw.upper()} {finding.what}" for finding in result.findings)
    return f"{result.calls} calls, {times}"


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the table. ``lacks`` says what this machine does not have for it; empty: nothing."""

    name: str
    row: str
    rounds: int
    run: Callable[[Experiment], Awaitable[None]]
    lacks: Callable[[], str] = str
