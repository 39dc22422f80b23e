"""Emergencies are announced on a radio net by themselves, once category and place are entered (SOP VII.d).

Once for each of them, and once more when its category or place has changed. What still waits for the floor when it is
not so any more is not said. What was announced is in the journal, so the next application goes on with it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import anyio.to_thread
import structlog

from ari_app.domain.announcement import ANNOUNCED, Announcement, may_matter
from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Fact
from ari_app.flows.messages import now
from ari_app.flows.radio_net import Net
from ari_app.flows.radio_speaker import Speech

WAIT_SECONDS: Final = 600.0
"""An emergency is announced as soon as the floor is free and the gateway there; later than that it is no news."""

RETRY_SECONDS: Final = 5.0

ATTENTION: Final = "perhatian"

Look: TypeAlias = Callable[[str], tuple[Announcement | None, Announcement | None]]
"""What there is to announce of a call, and what was announced last. Raises ``CommandRefused``; waits for the disk."""

log = structlog.get_logger(__name__)


class Announcer:
    """Of one site; ``run`` serves it."""

    def __init__(
        self,
        net: Net,
        *,
        look: Look,
        speak: Callable[[str], Awaitable[Path]],
        tell: Callable[[Fact], None],
        sounds: str,
    ) -> None:
        """``speak`` speaks a text into a file, or raises ``CommandRefused``; ``sounds`` is the folder of our sounds."""
        self._net, self._look, self._speak, self._tell, self._sounds = net, look, speak, tell, sounds
        self._calls: dict[str, float] = {}
        """When calls are to be looked at; 0: at once."""
        self._underway: dict[str, tuple[Announcement, Speech]] = {}
        """What waits for the floor, or is being said, by its call."""
        self._tries: dict[str, int] = {}
        self._news = anyio.Event()
        self.is_idle = False
        """Whether everything that was told has been looked at."""

    def note(self, fact: Fact) -> None:
        """Take note of what is told of complaints and calls; never waits."""
        if may_matter(fact) and fact.call is not None:
            self._want(fact.call)

    def _want(self, call: str) -> None:
        self._calls[call] = 0.0
        self.is_idle = False
        self._news.set()

    async def run(self, living: Callable[[], Iterable[str]] = tuple) -> None:
        """Announce, for as long as the application runs; first what was not in time before us, of ``living`` calls.

        ``living`` waits for the disk, and is asked until it tells. Nothing that fails here ends the application.
        """
        for call in await self._learn(living):
            self._want(call)
        while True:
            self._news = anyio.Event()
            for call in [call for call, due in self._calls.items() if due <= now()]:
                del self._calls[call]  # first: what is told of it meanwhile has it looked at once more
                await self._look_at(call)
            self.is_idle = not self._calls
            with anyio.CancelScope(deadline=min(self._calls.values(), default=math.inf)):
                await self._news.wait()

    async def _look_at(self, call: str) -> None:
        try:
            await self._announce(call)
        except CommandRefused as refused:  # the disk is in trouble: an emergency is not forgotten for that
            self._later(call, str(refused))
            return
        except Exception:  # one announcement, and 110 goes on without it
            log.exception("announcement.failed", call=call)
        self._tries.pop(call, None)

    async def _learn(self, living: Callable[[], Iterable[str]]) -> Iterable[str]:
        while True:
            try:
                return await anyio.to_thread.run_sync(living)
            except Exception:  # whatever is wrong with the disk: 110 goes on
                log.exception("announcement.calls_not_read")
                await anyio.sleep(RETRY_SECONDS)

    def _later(self, call: str, reason: str) -> None:
        tries = self._tries[call] = self._tries.get(call, 0) + 1
        if tries * RETRY_SECONDS > WAIT_SECONDS:
            log.error("announcement.given_up", call=call, reason=reason)
            del self._tries[call]
            return
        log.warning("announcement.not_yet", call=call, reason=reason)
        self._calls.setdefault(call, now() + RETRY_SECONDS)

    async def _announce(self, call: str) -> None:
        wanted, last = await anyio.to_thread.run_sync(self._look, call)
        underway, speech = self._underway.get(call, (None, None))
        if speech is not None:
            if wanted == underway:
                return
            if not self._net.unsay(speech):
                last = underway  # it is being said now
        if wanted is None or wanted == last:
            return
        path = await self._speak(wanted.sentence)
        media = [f"sound:{self._sounds}/{ATTENTION}", f"sound:{path.with_suffix('')}"]
        speech = self._net.say(media, partial(self._said, call, wanted, path), wait=WAIT_SECONDS)
        self._underway[call] = wanted, speech

    def _said(self, call: str, what: Announcement, path: Path, is_said: bool) -> None:  # noqa: FBT001 - as the net tells it
        with suppress(OSError):  # the next application removes it
            path.unlink(missing_ok=True)
        if self._underway.get(call, (None, None))[0] == what:
            del self._underway[call]
        about = {"net": self._net.rules.net, "ticket": what.ticket, "category": what.category, "place": what.place}
        self._tell(Fact("system", ANNOUNCED, call, {**about, "said": is_said}))
