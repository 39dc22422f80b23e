"""The switchboard: which calls wait for a desk, which desks there are, and who gets whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from ari_app.ari.errors import InboxFull
from ari_app.domain.desks import Desk, DeskEvent, DeskState, move, next_desk, next_rested
from ari_app.domain.facts import Fact

REST_SECONDS: Final = 2.0
"""How long a desk that was busy or unreachable is offered nothing: a phone that refuses at once would
otherwise be rung a hundred times a second."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeskReady:
    """To a waiting call: this desk is yours; offer yourself or release it."""

    extension: str


class Switchboard:
    """Gives waiting calls to desks: the call that waits longest gets the desk that is idle longest.

    A call that waits gets a ``DeskReady`` by ``deliver``; from then on the desk is its own until ``release``.
    """

    def __init__(self, extensions: Iterable[str], tell: Callable[[Fact], None]) -> None:
        """All desks begin away: until Asterisk says which phones are registered."""
        self._desks = {extension: Desk(extension) for extension in extensions}
        self._waiting: dict[str, Callable[[DeskReady], None]] = {}
        self._tell = tell
        self._wake: asyncio.TimerHandle | None = None

    @property
    def desks(self) -> Mapping[str, Desk]:
        """Every desk as it stands."""
        return self._desks

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def phone(self, extension: str, *, registered: bool) -> None:
        """The phone of a desk registered, or is no longer."""
        desk = self._desks.get(extension)
        if desk is None or desk.registered == registered:
            return
        event = DeskEvent.REGISTERED if registered else DeskEvent.UNREGISTERED
        self._desks[extension] = move(desk, event, now=self._now())
        self._tell(Fact("asterisk", f"desk.{event}", data={"desk": extension}))
        self._match()

    def wait(self, call: str, deliver: Callable[[DeskReady], None]) -> str | None:
        """Put a call at the end of the queue; the desk that it got at once, or None.

        A call that waits already, or has a desk, stays as it is.
        """
        if call not in self._waiting and self._desk_of(call) is None:
            self._waiting[call] = deliver
            self._match()
        return self._desk_of(call)

    def _desk_of(self, call: str) -> str | None:
        return next((desk.extension for desk in self._desks.values() if desk.call == call), None)

    def withdraw(self, call: str) -> None:
        """Take a call out of the queue; a desk that it got already stays its own."""
        self._waiting.pop(call, None)

    def leave(self, call: str) -> None:
        """Take a call out of the queue, and free a desk that was being offered to it or talked with it."""
        self.withdraw(call)
        for desk in [desk for desk in self._desks.values() if desk.call == call]:
            self.release(desk.extension)

    def answered(self, extension: str) -> None:
        """The desk took the call that it was offered."""
        self._move(extension, DeskEvent.ANSWER)

    def adopt(self, extension: str, call: str) -> None:
        """The desk was found talking on ``call``; unknown desks and busy ones are left as they are."""
        desk = self._desks.get(extension)
        if desk is not None and desk.state in (DeskState.AWAY, DeskState.IDLE):
            self._desks[extension] = move(desk, DeskEvent.ADOPT, now=self._now(), call=call)

    def release(self, extension: str, *, rest: float = 0.0) -> None:
        """The desk is done with its call; it is offered nothing for ``rest`` seconds."""
        self._move(extension, DeskEvent.RELEASE, rest=rest)
        self._match()

    def _move(self, extension: str, event: DeskEvent, *, rest: float = 0.0) -> None:
        self._desks[extension] = move(self._desks[extension], event, now=self._now(), rest=rest)

    def _match(self) -> None:
        """Give desks to waiting calls for as long as there are both."""
        now = self._now()
        while self._waiting:
            desk = next_desk(self._desks.values(), now)
            if desk is None:
                break
            call = next(iter(self._waiting))
            deliver = self._waiting.pop(call)
            try:
                deliver(DeskReady(desk.extension))
            except InboxFull:
                # That flow is stuck and gets the same exception; the desk is for the next call.
                log.error("switchboard.inbox_full", call=call)
                continue
            self._desks[desk.extension] = move(desk, DeskEvent.OFFER, now=now, call=call)
        self._wake_when_rested(now)

    def _wake_when_rested(self, now: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if not self._waiting:
            return
        moment = next_rested(self._desks.values(), now)
        if moment is not None:
            self._wake = asyncio.get_running_loop().call_at(moment, self._match)
