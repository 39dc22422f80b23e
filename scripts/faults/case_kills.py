"""A busy minute in which the application is killed again and again, and two hundred talks that a new one finds."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

from scripts.faults.crowd import Crowd, all_call, let_call
from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import BACK_SECONDS, PATIENCE_SECONDS, Floor
from scripts.faults.instance import ChaosError, send
from scripts.faults.oracle import Flaw
from scripts.faults.people import moment
from scripts.faults.strikes import APPLICATION
from scripts.phones import Behaviour, Dialling

MINUTE: Final = 60.0
KILLS: Final = 40
"""Random moments in one busy minute; five minutes make the two hundred."""

DESKS: Final = 40
TALKS: Final = 200
ADOPT_SECONDS: Final = 1.0


async def _kills(experiment: Experiment) -> None:
    async with experiment.instance(desks=DESKS) as instance:
        for _ in range(experiment.rounds):
            async with experiment.round(instance, f"{KILLS} kills in a busy minute", settle=20) as floor:
                await busy_minute(floor, seconds=MINUTE, kills=KILLS)


async def busy_minute(floor: Floor, *, seconds: float, kills: int) -> None:
    """Callers all the time, and kills at random moments of it."""
    await floor.phones.desk(floor.instance.sample.accounts, Behaviour.answers())
    moments = sorted(floor.rng.uniform(0.5, seconds) for _ in range(kills))
    # Who is in the application's hands when it is killed is served within BACK_SECONDS, everybody else sooner.
    crowds = (
        ("short talk", Crowd(round(3 * seconds), 3, Dialling(hang_up_ms=2000), BACK_SECONDS)),
        ("long talk", Crowd(round(seconds), 1, Dialling(hang_up_ms=8000), BACK_SECONDS)),
        # SIPp looks at its clocks every 200 ms, and loses its place when a late answer crosses one that is due.
        ("gives up", Crowd(round(seconds), 1, Dialling(hang_up_ms=500, cancel_ms=100), None)),
    )
    await asyncio.gather(all_call(floor, *crowds, seconds=seconds + 60), _kill_at(floor, moments))


async def _kill_at(floor: Floor, moments: list[float]) -> None:
    begun = moment()
    last = None
    for each in moments:
        await asyncio.sleep(max(0.0, begun + each - moment()))
        last = await floor.instance.running(APPLICATION)
        floor.acknowledge()
        send(last, signal.SIGKILL)
    since = moment()
    took = await floor.instance.served_by_another(last, since=since, seconds=PATIENCE_SECONDS)
    at = None if took is None else since + took
    floor.promise("the application (all of it) serves again", BACK_SECONDS, since, at, flaw=Flaw.LATE)


async def _adopt(experiment: Experiment) -> None:
    changes = {"ring_seconds = 2": "ring_seconds = 20"}
    async with experiment.instance(desks=TALKS + 5, changes=changes) as instance:
        for _ in range(experiment.rounds):
            async with experiment.round(instance, f"killed in {TALKS} talks", settle=30) as floor:
                await _adopt_all(floor)


async def _adopt_all(floor: Floor) -> None:
    await floor.phones.desk(floor.instance.sample.accounts, Behaviour.answers())
    crowd = Crowd(TALKS, 40, Dialling(hang_up_ms=16_000), BACK_SECONDS)
    calling = asyncio.create_task(let_call(floor, crowd, seconds=60, what="talk"))
    try:
        await _until_told(floor, "call.answered", TALKS, after=floor.begun_at, seconds=15)
        head, pid = floor.instance.head(), await floor.instance.running(APPLICATION)
        send(pid, signal.SIGKILL)
        killed = moment()
        await _until_told(floor, "call.adopted", TALKS, after=head, seconds=10)
        adopted = moment()
        floor.promise("all talks (200) adopted, from the kill", BACK_SECONDS, killed, adopted, flaw=Flaw.LATE)
        reading = [record.at for record in floor.instance.records(after=head, actions=["call.adopted"])]
        floor.promise("all talks (200) adopted, from the first", ADOPT_SECONDS, 0.0, _apart(reading), flaw=Flaw.LATE)
    finally:
        await calling


def _apart(times: list[str]) -> float:
    """Seconds between the first and the last of these ISO 8601 times."""
    from datetime import datetime  # noqa: PLC0415 - only here

    moments = sorted(datetime.fromisoformat(each) for each in times)
    return (moments[-1] - moments[0]).total_seconds()


async def _until_told(floor: Floor, action: str, count: int, *, after: int, seconds: float) -> None:
    end = moment() + seconds
    while (found := len(floor.instance.records(after=after, actions=[action]))) < count:
        if moment() > end:
            raise ChaosError(f"{found} of {count} {action} within {seconds:g} s")
        await asyncio.sleep(0.02)


CASES: Final = (
    Case("kills", "a kill at each of 200 random moments across a busy minute", 5, _kills),
    Case("adopt", "application kill -9 with 200 living calls", 1, _adopt),
)
