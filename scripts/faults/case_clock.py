"""The wall clock jumps an hour, both ways: no timer fires early or late, and the journal keeps its order.

Only the application's clock is changed, by libfaketime: its timers must all be of the other kind.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Coroutine
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import BACK_SECONDS, Floor
from scripts.faults.instance import ChaosError
from scripts.faults.oracle import Flaw
from scripts.faults.people import moment
from scripts.faults.scenes import Held, Talking, Transferring
from scripts.stack.prepare import DEPS

HOUR: Final = 3600
ANSWER_SECONDS: Final = 4.0
"""As ``experiment.CHANGES`` has it: the Polres has so long to answer."""
RING_SECONDS: Final = 3.0
EARLY_SECONDS, LATE_SECONDS = 0.5, 2.0
WATCHED_SECONDS: Final = 8.0
"""Longer than a silent phone is let live."""

_NAME: Final = "faketime/libfaketimeMT.so.1"


@cache
def library() -> Path | None:
    """Where libfaketime is: the machine's own, or one that apt-get brings; None: neither."""
    places = [*Path("/usr/lib").glob(f"*/{_NAME}"), *(DEPS / "faketime").glob(f"usr/lib/*/{_NAME}")]
    if places:
        return places[0]
    home = DEPS / "faketime"
    home.mkdir(exist_ok=True)
    for command in (["apt-get", "-q", "download", "libfaketime"], ["sh", "-c", "dpkg -x libfaketime_*.deb ."]):
        try:
            done = subprocess.run(command, cwd=home, capture_output=True, check=False)
        except OSError:
            return None
        if done.returncode:
            return None
    return next(home.glob(f"usr/lib/*/{_NAME}"), None)


def _lacks() -> str:
    return "" if library() else "libfaketime is not there, and apt-get cannot fetch it"


async def _jumps(experiment: Experiment) -> None:
    offset = experiment.home / "offset"
    offset.parent.mkdir(parents=True, exist_ok=True)
    offset.write_text("+0\n")
    fake = {
        "LD_PRELOAD": str(library()),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    changes = {"ring_seconds = 20": f"ring_seconds = {RING_SECONDS:.0f}"}
    async with experiment.instance(changes=changes, application=fake) as instance:
        now = 0
        for number in range(experiment.rounds):
            now += HOUR if number % 4 in {0, 3} else -HOUR
            title = f"the clock jumps to {now // HOUR:+d} h"
            async with experiment.round(instance, title) as floor:
                await _jump(floor, offset, now)


async def _jump(floor: Floor, offset: Path, seconds: int) -> None:
    """Talks, a transfer and a ringing desk across the jump."""
    scenes = [Talking(floor), Held(floor)]
    people = await floor.staff(5)
    for scene in scenes:
        await scene.begin()
    transfer = Transferring(floor)
    await transfer.begin()
    transferred = moment()
    for person in people:
        person.away = True
    ringing = await floor.dial()
    rang = moment()
    fresh = offset.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.replace(offset)
    await asyncio.sleep(1.1)  # by then libfaketime has read it
    await asyncio.gather(
        _in_time(
            floor, "the transfer (Polres silent) is taken back", transferred, ANSWER_SECONDS, _taken_back(transfer)
        ),
        _in_time(
            floor, "the next desk (nobody picks up) rings", rang, RING_SECONDS, _next_rings(floor, ringing.number)
        ),
        asyncio.sleep(WATCHED_SECONDS),
    )
    await floor.served(ringing, "rung by the next desk", since=rang, limit=RING_SECONDS + BACK_SECONDS)
    last = floor.instance.records(after=floor.instance.head() - 1)[-1]
    if abs(datetime.fromisoformat(last.at).timestamp() - time.time() - seconds) > HOUR / 2:
        raise ChaosError(f"the application's clock has not jumped: {last.at}")
    for each in [*scenes, transfer]:
        await each.finish()


async def _taken_back(scene: Transferring) -> float | None:
    return await scene.citizen.hears([scene.operator.hz], since=moment(), seconds=3 * ANSWER_SECONDS)


async def _next_rings(floor: Floor, number: str) -> float | None:
    since = moment()
    first = {person.extension for person in floor.people if person.is_rung_by(number)}
    while moment() - since < 3 * RING_SECONDS:
        if {person.extension for person in floor.people if person.is_rung_by(number)} - first:
            for person in floor.people:
                person.away = False
            return moment()
        await asyncio.sleep(0.01)
    return None


async def _in_time(
    floor: Floor, what: str, since: float, seconds: float, event: Coroutine[None, None, float | None]
) -> None:
    """Something that a timer does comes neither early nor late."""
    at = await event
    took = floor.promise(what, seconds + LATE_SECONDS, since, at, flaw=Flaw.LATE)
    if took is not None and took < seconds - EARLY_SECONDS:
        floor.promise(f"{what}, not after {took:.2f} s but after {seconds:g} s", seconds, since, None, flaw=Flaw.LATE)


CASES: Final = (Case("clock", "wall clock jumps an hour, both ways", 4, _jumps, _lacks),)
