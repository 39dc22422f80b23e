"""A phone is gone: the next desk has the caller. Answer, CANCEL and BYE in the same moment: one owner, no orphan."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import Floor
from scripts.faults.instance import ChaosError
from scripts.faults.oracle import Flaw
from scripts.faults.people import Citizen, Person, moment
from scripts.phones import PhoneError
from scripts.phones.leg import State

RING_SECONDS: Final = 2
DEAD_SECONDS: Final = 6
"""As the configuration has them: so long a desk rings, and so long a phone may be silent in a talk."""

GRACE_SECONDS: Final = 3.0
"""The phones are asked after every second, and the next desk must be rung and answer."""

SWEEP_MS: Final = 200
SWEEP_STEPS: Final = 41


# ---- a phone is gone


@dataclass(frozen=True, slots=True)
class Talk:
    """A caller, and the person at the desk whose phone will be gone."""

    floor: Floor
    citizen: Citizen
    person: Person


async def _vanished(now: Talk) -> float:
    """It was pulled out before it rang: it is rung in vain, and the next desk has the caller."""
    del now
    return RING_SECONDS + GRACE_SECONDS


async def _dies_ringing(now: Talk) -> float:
    """It is pulled out while it rings."""
    await _until(lambda: now.person.is_rung_by(now.citizen.number), "it rings")
    await now.person.phone.die()
    return RING_SECONDS + GRACE_SECONDS


async def _unregisters_ringing(now: Talk) -> float:
    """It is switched off properly while it rings."""
    await _until(lambda: now.person.is_rung_by(now.citizen.number), "it rings")
    await now.person.phone.unregister()
    await now.person.phone.die()
    return RING_SECONDS + GRACE_SECONDS


async def _answers_and_dies(now: Talk) -> float:
    """It answers, and is pulled out after some milliseconds."""
    now.person.away = False
    await _until(lambda: now.person.call_of(now.citizen.number) is not None, "it answers")
    await asyncio.sleep(now.floor.rng.uniform(0.05, 0.3))
    await now.person.phone.die()
    return DEAD_SECONDS + GRACE_SECONDS


async def _answers_and_says_nothing(now: Talk) -> float:
    """It answers and is pulled out at once: not one packet of sound has come from it."""
    now.person.away = False
    await _until(lambda: now.person.call_of(now.citizen.number) is not None, "it answers")
    await now.person.phone.die()
    return DEAD_SECONDS + GRACE_SECONDS


async def _dies_talking(now: Talk) -> float:
    """It is pulled out in a talk."""
    now.person.away = False
    await now.floor.has_operator(now.citizen, among=[now.person])
    await asyncio.sleep(now.floor.rng.uniform(0.5, 2.5))
    await now.person.phone.die()
    return DEAD_SECONDS + GRACE_SECONDS


async def _sound_stops(now: Talk) -> float:
    """It goes on speaking SIP, and sends no more sound."""
    now.person.away = False
    await now.floor.has_operator(now.citizen, among=[now.person])
    await asyncio.sleep(now.floor.rng.uniform(0.5, 2.5))
    call = now.person.call_of(now.citizen.number)
    if call is None:
        raise ChaosError("the talk is over")
    call.audio.hush()
    now.person.away = True
    return DEAD_SECONDS + GRACE_SECONDS


GONE: Final = {
    "gone before it rings": _vanished,
    "dies while it rings": _dies_ringing,
    "switched off while it rings": _unregisters_ringing,
    "answers and dies": _answers_and_dies,
    "answers and never sends a sound": _answers_and_says_nothing,
    "dies in a talk": _dies_talking,
    "sends no more sound": _sound_stops,
}


async def _until(condition: Callable[[], bool], what: str, *, seconds: float = 5.0) -> None:
    end = moment() + seconds
    while not condition():
        if moment() > end:
            raise ChaosError(f"before any fault: {what}, not within {seconds:g} s")
        await asyncio.sleep(0.005)


async def _phones_gone(experiment: Experiment) -> None:
    # Short enough to wait for: everywhere else nobody at a desk shall become not ready.
    seconds = (
        f"ring_seconds = {RING_SECONDS}\ndead_phone_seconds = {DEAD_SECONDS}\nunheard_phone_seconds = {DEAD_SECONDS}"
    )
    changes = {"ring_seconds = 20": seconds}
    async with experiment.instance(desks=6, changes=changes) as instance:
        ways = list(GONE.items())
        for number in range(experiment.rounds):
            name, way = ways[number % len(ways)]
            async with experiment.round(instance, f"a phone {name}") as floor:
                await _phone_gone(floor, way)


async def _phone_gone(floor: Floor, way: Callable[[Talk], Awaitable[float]]) -> None:
    (first,) = await floor.staff(1)
    first.away = True
    if way is _vanished:
        await first.phone.die()
    if way is _answers_and_says_nothing:
        first.phone.hz = None
    citizen = await floor.dial()
    await asyncio.sleep(0.1)  # the first desk, being the only one, is rung
    others = await floor.staff(1)
    limit = await way(Talk(floor, citizen, first))
    since = moment()
    floor.silence_limit = limit + 1.0
    await floor.served(citizen, "the phone is gone", since=since, limit=limit, among=others)


# ---- answer, CANCEL and BYE at once


async def _sweep(experiment: Experiment) -> None:
    async with experiment.instance(desks=3) as instance:
        for number in range(experiment.rounds):
            ends = ("the caller gives up", "the desk hangs up", "both hang up")[number % 3]
            title = f"answer, and {ends} from {-SWEEP_MS} to {SWEEP_MS} ms later"
            async with experiment.round(instance, title) as floor:
                await floor.staff(1)
                for step in range(SWEEP_STEPS):
                    apart = -SWEEP_MS + 2 * SWEEP_MS * step / (SWEEP_STEPS - 1)
                    await _cross(floor, ends, apart / 1000)


async def _cross(floor: Floor, ends: str, apart: float) -> None:
    """One call whose answer and end are so many seconds apart; negative: the end comes first."""
    (person,) = floor.people
    person.away = True
    citizen = await floor.dial()
    await _until(lambda: person.is_rung_by(citizen.number), "the desk rings")
    call = next(each for each in person.phone.calls if each.caller_number == citizen.number)

    async def answer() -> None:
        await asyncio.sleep(max(0.0, -apart))
        with contextlib.suppress(PhoneError):
            await call.answer(seconds=2.0)

    async def end() -> None:
        await asyncio.sleep(max(0.0, apart))
        if ends != "the desk hangs up":
            await citizen.hang_up()
        if ends != "the caller gives up":
            person.left.add(citizen.number)
            with contextlib.suppress(PhoneError):
                await call.hang_up()

    await asyncio.gather(answer(), end())
    if ends == "the desk hangs up":
        await citizen.hang_up()
    since = moment()
    while call.state is not State.ENDED or citizen.call.state is not State.ENDED:
        if moment() - since > GRACE_SECONDS:
            break
        await asyncio.sleep(0.005)
    over = call.state is State.ENDED and citizen.call.state is State.ENDED
    floor.promise(
        f"{citizen.number} (answer and end {apart * 1000:.0f} ms apart) is over at both ends",
        GRACE_SECONDS, since, moment() if over else None, flaw=Flaw.LEFT_OVER,
    )  # fmt: skip


CASES: Final = (
    Case(
        "phones", "phone gone: unregistered, silent, answers and dies, RTP stops without BYE", len(GONE), _phones_gone
    ),
    Case("sweep", f"answer x CANCEL x BYE swept 0-{SWEEP_MS} ms", 3, _sweep),
)
