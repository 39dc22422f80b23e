"""The states of a call in which a fault strikes, and what must come next in each.

``begin`` brings a call into its state, ``after`` judges what comes of the fault itself, ``finish`` goes on with the
call once everything is up again: the keys work, and somebody hangs up.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from scripts.faults.floor import BACK_SECONDS, Floor
from scripts.faults.instance import ChaosError
from scripts.faults.oracle import Flaw
from scripts.faults.people import Citizen, Person, moment
from scripts.phones import PhoneError

TOGETHER_SECONDS: Final = 1.0
"""How long after the fault two who talk must be heard to go on."""

POLRES: Final = "01"


class Scene:
    """One call and the people in it."""

    title = ""
    is_moment = False
    """The state lasts milliseconds: ``begin`` returns in the middle of it, so it is begun last."""

    def __init__(self, floor: Floor) -> None:
        """Nothing happens yet."""
        self.floor = floor
        self._citizen: Citizen | None = None
        self._operator: Person | None = None

    @property
    def citizen(self) -> Citizen:
        """The caller; ChaosError before there is one."""
        if self._citizen is None:
            raise ChaosError(f"{self.title}: nobody has called yet")
        return self._citizen

    @property
    def operator(self) -> Person:
        """Who talks to the caller; ChaosError before somebody does."""
        if self._operator is None:
            raise ChaosError(f"{self.title}: nobody has answered yet")
        return self._operator

    async def begin(self) -> None:
        """Bring the call into this state."""
        raise NotImplementedError

    async def after(self, since: float) -> None:
        """Judge what comes of a fault at ``since`` (the loop's clock)."""

    async def finish(self) -> None:
        """Go on with the call to its end; everything is up."""
        await self.citizen.hang_up()

    async def _talk(self) -> None:
        self._citizen, self._operator = await self.floor.talk()

    async def _keys_work(self, person: Person) -> None:
        """What the person presses is understood and told."""
        since, head = moment(), self.floor.instance.head()
        try:
            await self.floor.press(person, self.citizen, "*5")
        except (PhoneError, ChaosError):
            at = None
        else:
            at = await self.floor.told(self.citizen.number, "call.classified", after=head)
        self.floor.promise(f"{self.citizen.number} ({self.title}) *5 is understood", 5.0, since, at, flaw=Flaw.LATE)

    async def _together(self, since: float, limit: float, *people: Person) -> float | None:
        return await self.floor.served(self.citizen, self.title, since=since, limit=limit, among=people)


class Talking(Scene):
    """Caller and operator talk."""

    title = "talking"

    async def begin(self) -> None:
        """The operator has answered."""
        await self._talk()

    async def after(self, since: float) -> None:
        """They go on talking."""
        await self._together(since, TOGETHER_SECONDS, self.operator)

    async def finish(self) -> None:
        """The operator's keys work, and the caller hangs up."""
        await self._keys_work(self.operator)
        await self.citizen.hang_up()


class Away(Scene):
    """The caller does not hear the operator at the moment; ``back`` are the keys that change it."""

    back = ""

    async def finish(self) -> None:
        """The caller has an operator again, by itself or by the operator's keys."""
        people = self._those_who_may()
        tones = self.floor.tones(people)
        if await self.citizen.hears(tones, since=moment(), seconds=0.5) is None:
            with contextlib.suppress(PhoneError, ChaosError):  # the talk is over: the promise says it
                await self.floor.press(self.operator, self.citizen, self.back)
            await self._together(moment(), BACK_SECONDS, *people)
        if not await self.floor.was_given_to_fallback(
            self.citizen
        ):  # there the dialplan has the call, and it knows no keys
            await self._keys_work(next((each for each in people if each.call_of(self.citizen.number)), self.operator))
        await self.citizen.hang_up()

    def _those_who_may(self) -> list[Person]:
        """Who may have the caller then: the operator first; the Polres, or another desk by way of the fallback."""
        return [self.operator, *(each for each in self.floor.everybody if each is not self.operator)]


class Held(Away):
    """The caller is on hold, with music."""

    title = "on hold"
    back = "*4"

    async def begin(self) -> None:
        """The operator has pressed ``*4``."""
        await self._talk()
        await self.floor.press(self.operator, self.citizen, "*4")
        if await self.floor.told(self.citizen.number, "call.held") is None:
            raise ChaosError("no call.held")


class Consulting(Away):
    """The operator asks a colleague, and the caller is on hold."""

    title = "consult"
    back = "*1#"

    async def begin(self) -> None:
        """The colleague has answered; the caller hears music."""
        await self._talk()
        others = [person for person in self.floor.people if not person.phone.talking]
        other = others[0]
        await self.floor.press(self.operator, self.citizen, f"*1{other.extension}#")
        if await self.floor.told(self.citizen.number, "call.consult_answered") is None:
            raise ChaosError("no call.consult_answered")


class Transferring(Away):
    """A Polres rings, and does not answer."""

    title = "transfer ringing"
    back = "##"

    async def begin(self) -> None:
        """The Polres's phone rings."""
        polres = await self.floor.staff_polres(away=True)
        await self._talk()
        await self.floor.press(self.operator, self.citizen, f"*2{POLRES}#")
        await polres.phone.rung(seconds=5)


class PolresTalking(Scene):
    """The Polres has the caller."""

    title = "Polres talking"

    async def begin(self) -> None:
        """The transfer is over."""
        polres = await self.floor.staff_polres()
        await self._talk()
        await self.floor.press(self.operator, self.citizen, f"*2{POLRES}#")
        self._operator = await self.floor.has_operator(self.citizen, among=[polres])

    async def after(self, since: float) -> None:
        """They go on talking."""
        await self._together(since, TOGETHER_SECONDS, self.operator)

    async def finish(self) -> None:
        """The keys of the Polres work, and the caller hangs up."""
        await self._keys_work(self.operator)
        await self.citizen.hang_up()


class DeskRinging(Scene):
    """A desk rings, and nobody has picked up yet."""

    title = "desk ringing"

    async def begin(self) -> None:
        """Nobody picks up."""
        for person in self.floor.people:
            person.away = True
        self._citizen = await self.floor.dial()
        since = moment()
        while not any(person.is_rung_by(self.citizen.number) for person in self.floor.people):
            if moment() - since > BACK_SECONDS:
                raise ChaosError("no desk rings")
            await asyncio.sleep(0.01)

    async def after(self, since: float) -> None:
        """Somebody picks up right after the fault, or a moment later."""
        await asyncio.sleep(self.floor.rng.uniform(0.0, 0.4))
        for person in self.floor.people:
            person.away = False
        await self.floor.served(self.citizen, self.title, since=since, limit=self.floor.back_limit)


class Waiting(Scene):
    """Every desk is busy; the caller hears it ring."""

    title = "waiting, ringing"

    async def begin(self) -> None:
        """The caller hears it ring."""
        self._other, self._operator = await self.floor.talk()
        self._citizen = await self.floor.dial()
        await self.citizen.call.ringing()

    async def after(self, since: float) -> None:
        """A desk frees up."""
        await asyncio.sleep(self.floor.rng.uniform(0.0, 0.3))
        await self._other.hang_up()
        await self.floor.served(self.citizen, self.title, since=max(since, moment()), limit=self.floor.back_limit)


class WaitingWithMusic(Waiting):
    """Every desk is busy; the caller hears announcement and music."""

    title = "waiting, music"

    async def begin(self) -> None:
        """The announcement has begun."""
        await super().begin()
        await self.citizen.call.answered(seconds=10)
        await asyncio.sleep(self.floor.rng.uniform(0.2, 3.0))


class Blocked(Scene):
    """A blocked caller waits in the verification lane (SOP VIII)."""

    title = "verification lane"
    patience = 60.0
    """Behind everybody else, and without the application a third of the time only."""

    async def begin(self) -> None:
        """Every desk is busy, and the caller has heard the announcement begin."""
        self._other, self._operator = await self.floor.talk()
        number = self.floor.new_number()
        code, said = await self.floor.instance.siaga("block", "add", number)
        if code:
            raise ChaosError(f"siaga block add: {said}")
        self._citizen = await self.floor.dial(number)
        await self.citizen.call.answered(seconds=10)
        await asyncio.sleep(self.floor.rng.uniform(0.2, 3.0))

    async def after(self, since: float) -> None:
        """A desk frees up, and in the end the blocked caller has it."""
        await self._other.hang_up()
        at = await self.citizen.hears(self.floor.tones(), since=since, seconds=self.patience)
        self.floor.promise(f"{self.citizen.number} ({self.title}) hears a desk", self.patience, since, at)


class Dialling(Scene):
    """The INVITE has been sent a few milliseconds ago."""

    title = "dialling"
    is_moment = True
    within_ms = (0.0, 12.0)

    async def begin(self) -> None:
        """The call is somewhere between the INVITE and the ringing desk."""
        self._citizen = await self.floor.dial()
        await asyncio.sleep(self.floor.rng.uniform(*self.within_ms) / 1000)

    async def after(self, since: float) -> None:
        """It is answered as if nothing was."""
        await self.floor.served(self.citizen, self.title, since=since, limit=self.floor.back_limit)


class JustAnswered(Scene):
    """The operator has lifted the receiver a few milliseconds ago."""

    title = "just answered"
    is_moment = True
    within_ms = (0.0, 30.0)

    async def begin(self) -> None:
        """Caller and operator are being brought together."""
        self._citizen = await self.floor.dial()
        number, since = self.citizen.number, moment()
        while not any(person.call_of(number) for person in self.floor.people):
            if moment() - since > BACK_SECONDS:
                raise ChaosError("nobody answers")
            await asyncio.sleep(0.001)
        await asyncio.sleep(self.floor.rng.uniform(*self.within_ms) / 1000)

    async def after(self, since: float) -> None:
        """They hear each other, or another desk has the caller."""
        await self.floor.served(self.citizen, self.title, since=since, limit=self.floor.back_limit)


class PolresJustAnswered(Transferring):
    """The Polres has lifted the receiver a few milliseconds ago."""

    title = "Polres just answered"
    is_moment = True
    within_ms = (0.0, 60.0)

    async def begin(self) -> None:
        """The caller is being handed over."""
        await super().begin()
        polres = self.floor.polres[-1]
        call = await polres.phone.rung(seconds=5)
        self._answering = asyncio.create_task(_answer(call.answer()))
        await asyncio.sleep(self.floor.rng.uniform(*self.within_ms) / 1000)

    async def after(self, since: float) -> None:
        """The caller hears the Polres or the Polda."""
        limit = max(self.floor.back_limit, self.floor.silence_limit)
        await self.floor.served(self.citizen, self.title, since=since, limit=limit)

    async def finish(self) -> None:
        """Whoever has the caller can go on."""
        await self.citizen.hang_up()


async def _answer(answer: object) -> None:
    try:
        await answer  # type: ignore[misc]  # a coroutine
    except PhoneError:
        return


class HangingUp(Talking):
    """The caller has hung up a few milliseconds ago."""

    title = "hanging up"
    is_moment = True

    async def begin(self) -> None:
        """The caller's BYE is on its way."""
        await super().begin()
        self._leaving = asyncio.create_task(self.citizen.hang_up())
        await asyncio.sleep(self.floor.rng.uniform(0.0, 0.012))

    async def after(self, since: float) -> None:
        """Nothing is left to be heard."""

    async def finish(self) -> None:
        """The call is over."""
        await self._leaving


class Closing(Talking):
    """The operator has closed the call (``*0``): the closing salutation is being said."""

    title = "closing"
    is_moment = True

    async def begin(self) -> None:
        """The salutation has begun."""
        await super().begin()
        self._rung = self._times_rung()
        await self.floor.press(self.operator, self.citizen, "*0")
        await asyncio.sleep(self.floor.rng.uniform(0.0, 1.0))

    async def after(self, since: float) -> None:
        """The caller hears the rest of it, or the operator."""

    async def finish(self) -> None:
        """No desk was rung for a call that was closed; whoever is still there hangs up."""
        now = moment()
        at = now if self._times_rung() == self._rung else None
        what = f"{self.citizen.number} ({self.title}) is rung through to no desk again"
        self.floor.promise(what, BACK_SECONDS, now, at, flaw=Flaw.DOUBLED)
        await self.citizen.hang_up()

    def _times_rung(self) -> int:
        calls = [call for person in self.floor.everybody for call in person.phone.calls]
        return sum(call.caller_number == self.citizen.number for call in calls)


CALM: Final[tuple[type[Scene], ...]] = (PolresTalking, Transferring, Talking, Held, Consulting)
"""States that last, with a desk free beside them; in this order."""

BUSY: Final[tuple[type[Scene], ...]] = (Waiting, WaitingWithMusic, Blocked)
"""States in which no desk is free."""

MOMENTS: Final[tuple[type[Scene], ...]] = (Dialling, JustAnswered, PolresJustAnswered, HangingUp, Closing, DeskRinging)
"""States that pass, and the one in which nobody picks up: one at a time, and last."""
