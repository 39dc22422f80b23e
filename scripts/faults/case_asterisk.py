"""Asterisk itself is killed: the calls are lost, and everything is up again soon."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from datetime import datetime
from typing import Final

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import Floor
from scripts.faults.instance import Instance, send
from scripts.faults.oracle import Flaw
from scripts.faults.people import Citizen, moment
from scripts.faults.scenes import BUSY, CALM, DeskRinging, Scene
from scripts.phones import HandsetCall, PhoneError

UP_SECONDS: Final = 10.0
ASTDB_SECONDS: Final = 2.5
"""Asterisk writes registrations to its disk once a second: one that came just before its death is forgotten until the
phone renews it, and one that was taken back just before is there again."""

TIME_SECONDS: Final = 2.0
"""How far the end of a lost call in the journal may be from the moment at which Asterisk died."""


async def _killed(experiment: Experiment) -> None:
    async with experiment.instance() as instance:
        for number in range(experiment.rounds):
            chosen: list[type[Scene]] = [*CALM[:4], DeskRinging] if number % 2 == 0 else [BUSY[number // 2 % 2]]
            title = f"Asterisk killed: {', '.join(each.title for each in chosen)}"
            async with experiment.round(instance, title, settle=20) as floor:
                await _round(floor, instance, chosen)


async def _round(floor: Floor, instance: Instance, chosen: list[type[Scene]]) -> None:
    scenes = [each(floor) for each in chosen]
    await floor.staff(len(scenes))
    for scene in scenes:
        await scene.begin()
    await asyncio.sleep(ASTDB_SECONDS)
    floor.acknowledge()
    pid = await instance.running("asterisk")
    send(pid, signal.SIGKILL)
    since, killed = moment(), datetime.now().astimezone()
    for citizen in floor.citizens:
        citizen.excused = True
    floor.silence_limit, floor.asterisk_died = float("inf"), True
    lost = list(floor.citizens)
    leaving = [asyncio.create_task(_hang_up(call)) for person in floor.everybody for call in person.phone.talking]
    for person in floor.everybody:
        person.away = False
    await _until_answered(floor, since)
    await asyncio.gather(*leaving, *(_told_as_lost(floor, citizen, killed) for citizen in lost))


async def _hang_up(call: HandsetCall) -> None:
    """Nobody stays on a line that is dead."""
    with contextlib.suppress(PhoneError):
        await call.hang_up()


async def _until_answered(floor: Floor, since: float) -> None:
    """Dial again and again, as people do, until somebody answers."""
    while True:
        citizen = await floor.dial()
        citizen.excused = True
        try:
            await citizen.call.answered(seconds=1.0)
            at = await citizen.hears(floor.tones(), since=since, seconds=3)
        except PhoneError:
            at = None
        if at is not None or moment() - since > 3 * UP_SECONDS:
            floor.promise("a new caller (everything is up) hears a desk", UP_SECONDS, since, at)
            return
        with contextlib.suppress(PhoneError, TimeoutError):
            async with asyncio.timeout(0.2):
                await citizen.call.hang_up()


async def _told_as_lost(floor: Floor, citizen: Citizen, killed: datetime) -> None:
    if await floor.told(citizen.number, "call.ended", seconds=15) is None:
        return  # the judge says so
    records = floor.instance.records(after=floor.begun_at)
    calls = {record.call for record in records if record.data.get("number_raw") == citizen.number}
    ended = [record for record in records if record.call in calls and record.action == "call.ended"]
    apart = abs((datetime.fromisoformat(ended[-1].at) - killed).total_seconds())
    what = f"{citizen.number} (outcome {ended[-1].data.get('outcome')}) ends in the journal when Asterisk died, apart"
    floor.promise(what, TIME_SECONDS, 0.0, apart, flaw=Flaw.LOST)
    if ended[-1].data.get("outcome") != "lost":
        floor.promise(f"{citizen.number} ends as lost", 0.0, 0.0, None, flaw=Flaw.LOST)


CASES: Final = (Case("asterisk", "Asterisk kill -9", 4, _killed),)
