"""A year of calls that never were: the same facts in the same order for the same figures, whoever makes them.

Each story is one that the application tells (docs/journal.md): who answers, how the call is classified, whether a
Polres takes it, an emergency on the radio, pranks and blocks. Times of day and shares are guesses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final

from msgspec.structs import replace

from ari_app.domain.complaints import CATEGORIES, TicketKey, next_ticket, ticket
from ari_app.domain.facts import Fact, Json, call_received

POLDA: Final = tuple(f"10{number:02d}" for number in range(1, 13))
POLRES: Final = tuple(f"{number:02d}" for number in range(1, 30))
OPERATORS: Final = tuple(f"8702{number:04d}" for number in range(48))

_BUSY: Final = (3, 2, 2, 1, 1, 2, 3, 5, 6, 6, 6, 6, 5, 5, 5, 6, 6, 7, 8, 8, 7, 6, 5, 4)
"""How calls are spread over the hours of a day."""

_BLOCKING_MARKS: Final = 5
_PRANKSTERS: Final = "+62899"
"""How the numbers of those begin who only call for fun."""


@dataclass
class _Told:
    """What is told of one call, as time goes by."""

    call: str
    began: datetime
    now: datetime
    facts: list[Fact] = field(default_factory=list)

    def tell(self, seconds: float, actor: str, action: str, /, **data: Json) -> None:
        """So many seconds later."""
        self.now += timedelta(seconds=seconds)
        self.facts.append(Fact(actor, action, self.call, data, self.now))


class Year:
    """So many calls over so many days, from a moment (with an offset) on."""

    def __init__(self, begins: datetime, *, days: float, calls: int, seed: int = 110) -> None:
        """``seed``: another one makes other calls."""
        self._begins, self._days, self._count = begins, days, calls
        self._random = random.Random(seed)  # noqa: S311 - figures, no secrets
        self._marks: dict[str, int] = {}
        self._blocked: set[str] = set()
        self._last_ticket: TicketKey | None = None
        self._tickets: dict[str, str] = {}
        self._transmissions = count(1)

    def facts(self) -> Iterator[Fact]:
        """All facts, in the order of their moments, as the journal would have them."""
        for nrp in OPERATORS:
            data: dict[str, Json] = {"operator": nrp, "name": f"Operator {nrp[-2:]}", "unit": "polda"}
            yield Fact("supervisor:contoh", "operator.added", None, data, self._begins)
        waiting: list[tuple[datetime, int, Fact]] = []
        number = count()
        for index, moment in enumerate(self._moments()):
            while waiting and waiting[0][0] <= moment:
                yield self._numbered(heappop(waiting)[2])
            for fact in self._story(f"{moment.timestamp():.0f}.{index}", moment):
                heappush(waiting, (fact.at or moment, next(number), fact))
        while waiting:
            yield self._numbered(heappop(waiting)[2])

    def _numbered(self, fact: Fact) -> Fact:
        """With its ticket, where it is a complaint's: they are handed out in the order in which they are told."""
        if not fact.action.startswith("complaint.") or fact.call is None or fact.at is None:
            return fact
        if fact.action == "complaint.opened":
            self._last_ticket = next_ticket(self._last_ticket, fact.at.date())
            self._tickets[fact.call] = ticket(*self._last_ticket)
        number = self._tickets[fact.call]
        if fact.action == "complaint.closed":
            del self._tickets[fact.call]
        return replace(fact, data={"ticket": number, **fact.data})

    def _moments(self) -> Iterator[datetime]:
        hours = round(self._days * 24)
        weights = [_BUSY[(self._begins + timedelta(hours=hour)).hour] for hour in range(hours)]
        share, begun = self._count / sum(weights), 0.0
        for hour, weight in enumerate(weights):
            until = begun + weight * share
            calls = round(until) - round(begun)
            begun = until
            for second in sorted(self._random.uniform(0, 3600) for _ in range(calls)):
                yield self._begins + timedelta(hours=hour, seconds=second)

    def _story(self, call: str, moment: datetime) -> list[Fact]:
        caller = self._caller()
        told = _Told(call, moment, moment)
        told.facts.append(call_received(call, caller=caller, number=(caller or "")[1:], dialled="110", at=moment))
        if caller in self._blocked:
            told.tell(0.01, "system", "call.blocked", number=caller, waiting=0)
        told.tell(0.01, "system", "call.queued", priority="normal")
        desk, operator = self._random.choice(POLDA), self._random.choice(OPERATORS)
        told.tell(0.02, "system", "call.offered", desk=desk)
        if self._happens(0.04):
            told.tell(12, f"desk:{desk}", "call.not_answered", desk=desk, reason="no_answer")
            desk = self._random.choice(POLDA)
            told.tell(0.02, "system", "call.offered", desk=desk)
        if self._happens(0.03):
            waited = self._random.expovariate(1 / 15)
            told.tell(waited, "caller", "call.abandoned", waited_ms=round(waited * 1000))
            told.tell(0, "caller", "call.ended", by="caller", outcome="abandoned", cause=16)
            return told.facts
        self._answered(told, desk, operator, caller)
        return told.facts

    def _answered(self, told: _Told, desk: str, operator: str, caller: str | None) -> None:
        waited, who = 1 + self._random.expovariate(1 / 5), f"operator:{operator}"
        told.tell(waited, who, "call.answered", desk=desk, operator=operator, waited_ms=round(waited * 1000))
        told.tell(0, who, "complaint.opened", number=caller, desk=desk, operator=operator)
        ended_by = "desk"
        if (caller or "").startswith(_PRANKSTERS) or self._happens(0.12):
            self._prank(told, who, desk, caller)
        elif self._happens(0.4):
            told.tell(self._random.uniform(10, 60), who, "call.classified", kind="not_valid")
        else:
            told.tell(self._random.uniform(10, 60), who, "call.classified", kind="valid")
            if self._happens(0.15):
                self._emergency(told, who, desk)
            ended_by = self._transfer(told, who, desk)
        told.tell(self._random.uniform(20, 180), who, "call.closed", desk=desk)
        told.tell(0, who, "complaint.closed")
        sound = round((told.now - told.began).total_seconds(), 2)
        digest = f"{self._random.getrandbits(256):064x}"
        told.tell(
            0.3, "asterisk", "call.recorded",
            file=f"recordings/{told.call}.wav", sha256=digest, bytes=44 + int(sound * 16000), seconds=sound,
        )  # fmt: skip
        told.tell(0, who, "call.ended", by=ended_by, outcome="answered", cause=16)

    def _prank(self, told: _Told, who: str, desk: str, caller: str | None) -> None:
        told.tell(self._random.uniform(5, 20), who, "call.classified", kind="prank")
        told.tell(0, who, "prank.marked", number=caller, desk=desk, note=None)
        if caller is None or caller in self._blocked:
            return
        self._marks[caller] = self._marks.get(caller, 0) + 1
        if self._marks[caller] >= _BLOCKING_MARKS:
            self._blocked.add(caller)
            told.tell(0, "system", "number.blocked", number=caller, reason="pranks", marks=_BLOCKING_MARKS)

    def _emergency(self, told: _Told, who: str, desk: str) -> None:
        told.tell(self._random.uniform(1, 10), who, "call.classified", emergency=True)
        if self._happens(0.3):
            return  # it goes to the Polres by telephone alone
        told.tell(self._random.uniform(2, 15), who, "radio.patched", net="300", desk=desk)
        id_ = f"300-{next(self._transmissions)}"
        on_air: dict[str, Json] = {"net": "300", "desk": desk, "by": "desk", "transmission": id_}
        told.tell(1.5, who, "radio.keyed", **on_air)
        told.tell(6, who, "radio.released", **on_air, ms=6000, reason="unkeyed")
        told.tell(1, who, "radio.unpatched", net="300", desk=desk, reason="left")

    def _transfer(self, told: _Told, who: str, desk: str) -> str:
        polres = self._random.choice(POLRES)
        where = f"2{polres}1"
        told.tell(self._random.uniform(5, 40), who, "call.transfer_started", polres=polres, desk=desk, desks=[where])
        waited = self._random.uniform(1, 5)
        ms = round(waited * 1000)
        if self._happens(0.22):
            reason = self._random.choice(("no_answer", "no_answer", "busy", "unreachable"))
            told.tell(waited, who, "call.taken_back", polres=polres, desk=desk, reason=reason, waited_ms=ms)
        else:
            told.tell(waited, f"desk:{where}", "call.transfer_answered", polres=polres, desk=where, waited_ms=ms)
        told.tell(30, "supervisor:contoh", "complaint.edited", category=self._random.choice(CATEGORIES))
        return "caller" if self._happens(0.3) else "desk"

    def _happens(self, share: float) -> bool:
        return self._random.random() < share

    def _caller(self) -> str | None:
        if self._happens(0.02):
            return None
        if self._happens(0.05):
            return f"{_PRANKSTERS}{self._random.randrange(20_000) * 977:08d}"
        return f"+62812{int(self._random.random() ** 2 * 300_000) * 331:08d}"
