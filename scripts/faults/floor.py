"""One round of an experiment: phones on a running instance, and all that will be judged about it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from scripts.faults.instance import ChaosError, Instance
from scripts.faults.oracle import SILENCE_SECONDS, CallSeen, Evidence, Flaw, Promise
from scripts.faults.people import Citizen, Person, moment
from scripts.phones import Account, PhoneEndedError, Phones, RadioGateway
from scripts.phones.wire import Carrier
from scripts.stack.sample import HOST

ANSWER_SECONDS, BACK_SECONDS = 1.2, 2.0
"""What the contract promises: the next caller is answered so soon, and the application is back so soon."""

AIR_SECONDS: Final = 1.0
"""A transmitter that stays on for longer than that blocks a whole net."""

PATIENCE_SECONDS: Final = 20.0
"""How long an experiment waits for what should have come long ago, to say how late it came."""

CALLER_HZ: Final = 440
_FIRST_DESK_HZ, _DESK_STEP_HZ = 1400, 60
"""Above every note of the hold music and every tone of the exchange."""

TOLD_SECONDS: Final = 2.0
_TAIL_SECONDS: Final = 0.05
_NOTES_SECONDS: Final = 2.0
"""A call of which the caller heard nothing may be told all the same: the dialplan's notes are read every second."""

_LAST_TOLD: Final = 8

_numbers = itertools.count(1)


class Floor:
    """The phones of one round; ``rng`` decides all that is left to chance."""

    def __init__(self, instance: Instance, phones: Phones, rng: random.Random) -> None:
        """Use ``open_floor``."""
        self.instance, self.phones, self.rng = instance, phones, rng
        self.people: list[Person] = []
        self.polres: list[Person] = []
        self.citizens: list[Citizen] = []
        self.numbers: set[str] = set()
        """Theirs, from before they dial."""
        self.others: list[CallSeen] = []
        """Calls whose phones have judged themselves: those of a SIPp."""
        self.promises: list[Promise] = []
        self.acknowledged: dict[int, str] = {}
        self.silence_limit = SILENCE_SECONDS
        self.back_limit = BACK_SECONDS
        """How soon after the fault a caller who waits must be served again."""
        self.air_limit = AIR_SECONDS
        """How soon a transmitter must be released."""
        self.gateway: RadioGateway | None = None
        self.carry: Carrier | None = None
        """What the network does to the datagrams of whoever comes from now on (``Wire.carry``)."""
        self.strangers = False
        """Others than the citizens have called, too: nobody knows how many, and from which numbers."""
        self.asterisk_died = False
        """Whoever called then is lost, and the journal may say so."""
        self.begun_at = instance.head()
        self._read = self.begun_at
        self._tasks: list[asyncio.Task[None]] = []

    # ---- people

    async def staff(self, count: int) -> list[Person]:
        """So many more people sit down at desks of the Polda, and pick up."""
        free = self.instance.sample.accounts[len(self.people) :][:count]
        if len(free) < count:
            raise ChaosError(f"the instance has no {count} more desks")
        made = [await self._sit_down(account) for account in free]
        self.people += made
        return made

    async def staff_polres(self, *, away: bool = False) -> Person:
        """Somebody sits down at the next desk of Polres 01."""
        person = await self._sit_down(self.instance.sample.polres[len(self.polres)])
        person.away = away
        self.polres.append(person)
        return person

    async def _sit_down(self, account: Account) -> Person:
        hz = _FIRST_DESK_HZ + _DESK_STEP_HZ * len(self._tasks)
        person = Person(account[0], await self.phones.handset(account, hz=hz), hz)
        person.phone.wire.carry = self.carry
        self._tasks.append(asyncio.create_task(person.work()))
        return person

    @property
    def everybody(self) -> list[Person]:
        """Whoever sits at a desk."""
        return [*self.people, *self.polres]

    def tones(self, people: Collection[Person] | None = None) -> list[int]:
        """What desks sound like."""
        return [person.hz for person in (self.everybody if people is None else people)]

    def new_number(self) -> str:
        """A number from which nobody has called yet."""
        return f"0813{next(_numbers):08}"

    async def dial(self, number: str | None = None) -> Citizen:
        """A citizen dials 110."""
        number = number or self.new_number()
        self.numbers.add(number)
        call = await self.phones.citizen(number=number, hz=CALLER_HZ, carry=self.carry)
        citizen = Citizen(number, call, moment())
        self.citizens.append(citizen)
        return citizen

    async def talk(self) -> tuple[Citizen, Person]:
        """A citizen dials 110, and the two talk."""
        citizen = await self.dial()
        return citizen, await self.has_operator(citizen)

    async def has_operator(self, citizen: Citizen, *, among: Collection[Person] | None = None) -> Person:
        """Who talks to a caller, as soon as somebody does and is heard.

        Raises:
            ChaosError: nobody does, before any fault.
        """
        since = moment()
        while moment() - since < PATIENCE_SECONDS:
            for person in self.everybody if among is None else among:
                if person.call_of(citizen.number):
                    if await citizen.hears([person.hz], since=since, seconds=5) is None:
                        break
                    return person
            await asyncio.sleep(0.01)
        raise ChaosError(f"{citizen.number} has no operator")

    async def press(self, person: Person, citizen: Citizen, keys: str) -> None:
        """Somebody at a desk presses keys in the talk with a caller.

        Raises:
            ChaosError: there is no such talk.
        """
        call = person.call_of(citizen.number)
        if call is None:
            raise ChaosError(f"desk {person.extension} does not talk to {citizen.number}")
        with contextlib.suppress(PhoneEndedError):  # what the last key does may come before it is let go
            await call.press(keys)

    # ---- what is waited for, and promised

    def promise(
        self, what: str, limit: float, since: float, at: float | None, *, flaw: Flaw = Flaw.UNANSWERED
    ) -> float | None:
        """Note when something came that had to come within ``limit`` seconds; how long it took."""
        took = None if at is None else max(0.0, at - since)
        self.promises.append(Promise(what, limit, took, flaw))
        return took

    async def served(
        self, citizen: Citizen, what: str, *, since: float, limit: float, among: Collection[Person] | None = None
    ) -> float | None:
        """Wait until a caller hears a desk, and hold it against ``limit`` seconds from ``since`` on."""
        at = await citizen.hears(self.tones(among), since=since, seconds=PATIENCE_SECONDS)
        missed = f" [{self.situation()}]" if at is None else ""
        return self.promise(f"{citizen.number} ({what}) hears a desk{missed}", limit, since, at)

    def situation(self) -> str:
        """What each phone does now, for whoever looks for the cause of a finding."""
        phones = [f"{person.extension} {person.describe()}" for person in self.everybody]
        return "; ".join([*phones, *(f"{each.number} {each.call.state.value}" for each in self.citizens)])

    def last_told(self) -> str:
        """What the journal had last of this round, for the same."""
        records = self.instance.records(after=self.begun_at)[-_LAST_TOLD:]
        return ", ".join(f"{record.actor} {record.action}" for record in records)

    async def told(self, number: str, action: str, *, seconds: float = 5.0, after: int | None = None) -> float | None:
        """When (loop's clock) the journal had an action of this caller's call; None: not in time."""
        end = moment() + seconds
        while not self._is_told(number, action, after=self.begun_at if after is None else after):
            if moment() > end:
                return None
            await asyncio.sleep(0.02)
        return moment()

    async def was_given_to_fallback(self, citizen: Citizen) -> bool:
        """Whether the dialplan alone has had this caller; an application that was away for long tells it later."""
        seconds = 0.0 if self.back_limit == BACK_SECONDS else TOLD_SECONDS
        return await self.told(citizen.number, "call.fallback", seconds=seconds, after=self.begun_at) is not None

    def _is_told(self, number: str, action: str, *, after: int) -> bool:
        begun = self.instance.records(after=self.begun_at, actions=["call.received"])
        calls = {record.call for record in begun if record.data.get("number_raw") == number}
        return any(record.call in calls for record in self.instance.records(after=after, actions=[action]))

    # ---- the journal, as somebody reads it all the time

    async def read_along(self) -> None:
        """Read each line as it comes: from then on it must not change."""
        while True:
            with contextlib.suppress(Exception):  # a locked or full disk: there is nothing to read then
                self.acknowledge()
            await asyncio.sleep(_TAIL_SECONDS)

    def acknowledge(self) -> None:
        """Note number and hash of all lines that there are by now."""
        for record in self.instance.records(after=self._read):
            self.acknowledged[record.seq] = record.hash
            self._read = record.seq

    # ---- the end

    async def evidence(self, *, seconds: float = 12.0) -> Evidence:
        """End every call, wait until all is over and told, and gather what will be judged."""
        await asyncio.gather(*(citizen.hang_up() for citizen in self.citizens))
        calls = [*(citizen.seen(self.everybody) for citizen in self.citizens), *self.others]
        for task in self._tasks:
            task.cancel()
        await self.phones.leave()
        left = await self.instance.quiet(seconds=seconds)
        numbers = {call.number for call in calls if call.reached}
        end = time.monotonic() + seconds
        while not self._all_told(numbers):
            if time.monotonic() > end:
                break
            await asyncio.sleep(0.1)
        if not all(call.reached for call in calls):
            await asyncio.sleep(_NOTES_SECONDS)
        records = self.instance.records(after=self.begun_at)
        return Evidence(
            calls,
            records,
            dict(self.acknowledged),
            await asyncio.to_thread(self.instance.problems),
            left,
            list(self.promises),
            self.silence_limit,
            self.strangers,
            self.instance.recorded({record.call for record in records if record.call}),
            self.asterisk_died,
        )

    def _all_told(self, numbers: Collection[str]) -> bool:
        records = self.instance.records(after=self.begun_at, actions=["call.received", "call.ended"])
        ended = {record.call for record in records if record.action == "call.ended"}
        over = {str(record.data.get("number_raw")) for record in records if record.call in ended}
        return set(numbers) <= over


@asynccontextmanager
async def open_floor(instance: Instance, home: Path, rng: random.Random) -> AsyncIterator[Floor]:
    """Phones for one round; on leaving they are gone."""
    server = (HOST, instance.sample.sip)
    async with Phones(server, home, trunk=instance.sample.trunk) as phones:
        floor = Floor(instance, phones, rng)
        reader = asyncio.create_task(floor.read_along())
        try:
            yield floor
        finally:
            reader.cancel()
            for task in floor._tasks:  # noqa: SLF001 - it is its own
                task.cancel()
