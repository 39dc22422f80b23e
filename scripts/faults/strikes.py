"""One fault, in every state of a call: the rounds that most cases share."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import Final

from scripts.faults.air import AIR
from scripts.faults.experiment import Experiment
from scripts.faults.floor import AIR_SECONDS, ANSWER_SECONDS, BACK_SECONDS, PATIENCE_SECONDS, Floor
from scripts.faults.instance import ChaosError, Instance, send
from scripts.faults.oracle import SILENCE_SECONDS, Flaw
from scripts.faults.people import moment
from scripts.faults.scenes import BUSY, CALM, MOMENTS, Consulting, Scene

APPLICATION: Final = "ari_app"
LASTING_SCENES: Final = 2


class Fault:
    """Something that breaks. ``title`` is what happens, in words."""

    title = ""
    back_seconds = BACK_SECONDS
    """How soon somebody looks after the callers again."""
    answer_seconds = ANSWER_SECONDS
    """How soon a new caller is answered."""
    silence_seconds = SILENCE_SECONDS
    """How long a caller may hear nothing who was just being joined with somebody: the music has stopped by then."""
    air_seconds = AIR_SECONDS
    """How soon a transmitter that is on is released."""

    async def strike(self, instance: Instance) -> None:
        """Do the harm, and return at once."""
        raise NotImplementedError

    async def recover(self, floor: Floor, since: float) -> None:
        """Return when everything is as it was; ``since`` is when the harm was done (monotonic)."""

    async def check(self, floor: Floor) -> None:
        """What else must hold, when every call is over."""


class Killed(Fault):
    """The application is killed; whoever watches over it starts it again."""

    title = "killed"
    _signal = signal.SIGKILL
    _noticed_seconds = 0.0
    """How long it takes until it is dead."""

    async def strike(self, instance: Instance) -> None:
        """Send the signal."""
        self._pid = instance.pid(APPLICATION)
        if self._pid is None:
            raise ChaosError("there is no application")
        send(self._pid, self._signal)

    async def recover(self, floor: Floor, since: float) -> None:
        """Another application serves."""
        took = await floor.instance.served_by_another(self._pid, since=since, seconds=PATIENCE_SECONDS)
        at = None if took is None else since + took
        limit = BACK_SECONDS + self._noticed_seconds
        floor.promise("the application (all of it) serves again", limit, since, at, flaw=Flaw.LATE)


class Frozen(Killed):
    """The application stands still, until whoever watches over it ends it."""

    title = "frozen"
    _signal = signal.SIGSTOP
    _noticed_seconds = 0.6


class Stumbled(Fault):
    """The application stands still for less time than would make it count as frozen, and goes on."""

    title = "frozen for a moment"
    _seconds = 0.45
    air_seconds = AIR_SECONDS + _seconds
    """The last words are still sent before the transmitter goes off, which takes 0.8 s by itself."""

    async def strike(self, instance: Instance) -> None:
        """Stop it, and let it go on later."""
        pid = instance.pid(APPLICATION)
        send(pid, signal.SIGSTOP)
        self._going_on = asyncio.create_task(self._go_on(pid))

    async def _go_on(self, pid: int | None) -> None:
        await asyncio.sleep(self._seconds)
        send(pid, signal.SIGCONT)

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need them
        """It has gone on."""
        await self._going_on


async def strike_rounds(experiment: Experiment, instance: Instance, fault: Fault) -> None:
    """Strike in every state in turn: on the air, lasting ones and one that passes, and then one without a free desk."""
    for number in range(experiment.rounds):
        turn, is_busy = divmod(number, 2)
        if is_busy:
            chosen: Sequence[type[Scene]] = [BUSY[turn % len(BUSY)]]
        else:
            lasting = sorted({(LASTING_SCENES * turn + n) % len(CALM) for n in range(LASTING_SCENES)})
            chosen = [AIR[turn % len(AIR)], *(CALM[each] for each in lasting), MOMENTS[turn % len(MOMENTS)]]
        await strike_round(experiment, instance, fault, chosen, with_new_call=not is_busy)


async def strike_round(
    experiment: Experiment,
    instance: Instance,
    fault: Fault,
    chosen: Sequence[type[Scene]],
    *,
    with_new_call: bool,
) -> None:
    """Bring calls into these states, let the fault strike, and see what comes of it."""
    title = f"{fault.title}: {', '.join(each.title for each in chosen)}"
    async with experiment.round(instance, title) as floor:
        scenes = [each(floor) for each in chosen]
        await floor.staff(sum(1 + isinstance(scene, Consulting) for scene in scenes) + with_new_call)
        for scene in scenes:
            await scene.begin()
        await fault.strike(instance)
        since, struck = moment(), time.monotonic()
        floor.back_limit, floor.air_limit = fault.back_seconds, fault.air_seconds
        if any(scene.is_moment for scene in scenes):
            floor.silence_limit = fault.silence_seconds
        await asyncio.gather(
            *(scene.after(since) for scene in scenes),
            *([_new_call(floor, fault)] if with_new_call else []),
            fault.recover(floor, struck),
        )
        for scene in scenes:
            await scene.finish()
        await fault.check(floor)


async def _new_call(floor: Floor, fault: Fault) -> None:
    """Somebody dials at the same moment."""
    await asyncio.sleep(floor.rng.choice([0.0, 0.0, floor.rng.uniform(0.0, 0.8)]))
    citizen = await floor.dial()
    await floor.served(citizen, "new call", since=citizen.dialled, limit=fault.answer_seconds)


async def application_takes_calls(floor: Floor, *, within: float) -> None:
    """Call again and again until it is the application, not the dialplan alone, that takes a call."""
    since = moment()
    at: float | None = None
    while at is None and moment() - since < PATIENCE_SECONDS:
        citizen = await floor.dial()
        at = await floor.told(citizen.number, "call.queued", seconds=1.0)
        await citizen.hang_up()
    floor.promise("the application (all of it) takes calls again", within, since, at, flaw=Flaw.LATE)
