"""How far a call has come when a test begins, and what is asked of it afterwards."""

from __future__ import annotations

import anyio

from ari_app.domain.facts import Fact
from tests.flows.floor import Floor

OK, WRONG = "nada-ok", "nada-salah"
AT_ONCE = 0.2
"""Within so many seconds they must hear each other after a take-back."""


def leg_at(here: Floor, desk: str) -> str:
    """The leg that rings or talks at a desk; it must be there."""
    leg = here.asterisk.phones[desk].leg
    assert leg in here.asterisk.legs, f"nothing is at {desk}"
    return leg


def is_idle(here: Floor, desk: str) -> bool:
    """Whether nothing rings or talks at a desk's phone."""
    return here.asterisk.phones[desk].leg not in here.asterisk.legs


def rings(here: Floor, *desks: str) -> bool:
    """Whether all these phones ring."""
    legs = [here.asterisk.legs.get(here.asterisk.phones[desk].leg or "") for desk in desks]
    return all(leg is not None and leg.state == "Ringing" for leg in legs)


def hear_each_other(here: Floor, *legs: str) -> bool:
    """Whether each of these legs hears all the others, and nothing else."""
    return all(here.asterisk.hears(leg) == set(legs) - {leg} for leg in legs)


def heard(here: Floor, leg: str, *, since: int = 0) -> list[str]:
    """What was played to a leg, in order; ``since`` is how many sounds had been played to anybody before."""
    return [sound for to, sound in here.asterisk.played[since:] if to == leg]


def last(here: Floor, action: str) -> Fact:
    """The last fact of an action, whatever it is about."""
    return [fact for fact in here.journal if fact.action == action][-1]


async def in_talk(here: Floor, desk: str = "1001") -> str:
    """A caller and an operator talk."""
    if not here.asterisk.phones[desk].registered:
        here.asterisk.register(desk, answers_after=0.1)
    call = here.asterisk.call()
    await here.talking(call, desk)
    await anyio.sleep(0.5)
    return call


async def press(here: Floor, desk: str, keys: str, *, settled: float = 0.3) -> None:
    """The operator presses keys, and what they do has begun."""
    here.asterisk.press(desk, keys)
    await anyio.sleep(0.05 * len(keys) + settled)


async def transferring(here: Floor, *desks: str, to: str = "01") -> str:
    """The Polda operator has pressed ``*2PP#``, and these desks of the Polres ring."""
    for desk in desks:
        here.asterisk.register(desk)
    call = await in_talk(here)
    here.asterisk.press("1001", f"*2{to}#")
    await here.until(lambda: rings(here, *desks), seconds=2)
    await anyio.sleep(0.1)
    return call


async def at_polres(here: Floor, call: str, desk: str) -> None:
    """The Polres's operator and the caller talk, who has heard the sentence first."""
    count = len(here.facts(call, "call.transfer_answered"))
    await here.until(lambda: len(here.facts(call, "call.transfer_answered")) > count, seconds=2)
    await here.until(lambda: heard(here, call)[-1] == "selesai-menunggu", seconds=0.1)
    await here.until(lambda: here.asterisk.is_talking(call, desk), seconds=2)


async def consulting(here: Floor, other: str = "1002") -> str:
    """The caller is on hold, and two operators talk."""
    call = await in_talk(here)
    here.asterisk.register(other)
    here.asterisk.press("1001", f"*1{other}#")
    await here.until(lambda: rings(here, other), seconds=2)
    await anyio.sleep(0.5)
    here.asterisk.desk_answers(other)
    await here.until(lambda: hear_each_other(here, leg_at(here, "1001"), leg_at(here, other)), seconds=1)
    await anyio.sleep(2)
    return call


async def goodbye(here: Floor, *calls: str) -> None:
    """These callers hang up, and their stories end."""
    for call in calls:
        here.asterisk.caller_hangs_up(call)
    await here.ended(*calls)
