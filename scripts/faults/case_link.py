"""The link between application and Asterisk is cut or stalled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import AIR_SECONDS, BACK_SECONDS, Floor
from scripts.faults.instance import ChaosError, Instance, send
from scripts.faults.proxy import Link, open_link
from scripts.faults.strikes import APPLICATION, Fault, application_takes_calls, strike_rounds
from scripts.stack.sample import HOST

NOTICED_SECONDS: Final = 1.1
"""The application ends itself so long after the link has broken."""

GUARD_SECONDS: Final = 3.7
"""In the milliseconds in which two are being joined the order for it is in the broken link. The guard leaves those with
an operator to the next application, which cannot come; after 3 s it lets them hear each other."""

MENDED_SECONDS: Final = 5.0
"""How long after the link is whole again the application takes calls."""


class Broken(Fault):
    """The link is broken for so many seconds; ``how`` is what is done to it.

    The application ends itself after a second without an event, and then the guard acts: as if it had been frozen.
    """

    back_seconds = BACK_SECONDS + NOTICED_SECONDS
    air_seconds = AIR_SECONDS + NOTICED_SECONDS
    silence_seconds = GUARD_SECONDS

    def __init__(self, link: Link, how: str, seconds: float) -> None:
        """``how`` is ``cut`` or ``stalled``."""
        self.title = f"link {how} for {seconds:g} s"
        self._link, self._how, self._seconds = link, how, seconds

    async def strike(self, instance: Instance) -> None:  # noqa: ARG002 - others need it
        """Do it."""
        if self._how == "cut":
            self._link.cut()
        else:
            self._link.stall()

    async def recover(self, floor: Floor, since: float) -> None:  # noqa: ARG002 - others need it
        """The link is whole again."""
        await asyncio.sleep(self._seconds)
        self._link.mend()
        await application_takes_calls(floor, within=MENDED_SECONDS)


@asynccontextmanager
async def linked(experiment: Experiment) -> AsyncIterator[tuple[Instance, Link]]:
    """An instance whose application reaches Asterisk by a link of ours; everybody else goes straight there."""
    async with experiment.instance(application={}) as instance:
        straight = f'http = "{HOST}:{instance.sample.http}"'
        async with open_link((HOST, instance.sample.http)) as link:
            text = instance.state.config.read_text(encoding="utf-8")
            if straight not in text:
                raise ChaosError(f"{instance.state.config} has no {straight}")
            # Only the application reads it anew when it starts; launcher, guard and Asterisk have what they need.
            instance.state.config.write_text(text.replace(straight, f'http = "{HOST}:{link.port}"'), encoding="utf-8")
            pid = await instance.running(APPLICATION)
            loop = asyncio.get_running_loop()
            send(pid, signal.SIGKILL)
            if await instance.served_by_another(pid, since=loop.time(), seconds=20) is None:
                raise ChaosError("the application does not start by way of the link")
            yield instance, link


def _breaking(how: str, seconds: float) -> Callable[[Experiment], Awaitable[None]]:
    async def run(experiment: Experiment) -> None:
        async with linked(experiment) as (instance, link):
            await strike_rounds(experiment, instance, Broken(link, how, seconds))

    return run


CASES: Final = tuple(
    Case(
        f"link-{how}-{seconds}", f"link between them {how} for {seconds} s", rounds, _breaking(how, seconds)
    )
    for how in ("cut", "stalled")
    for seconds, rounds in ((1, 6), (5, 6), (60, 2))
)  # fmt: skip
