"""Who gets which event: an inbox per call, and the switch that puts events into it.

The reader of the websocket must never wait, or Asterisk cuts it off; so events are put here and each
call's flow takes them out in its own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ari_app.ari.errors import InboxFull
from ari_app.ari.model import LegEvent, leg_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_WAITING: Final = 10_000
"""Events that a call's inbox holds. A call of a few legs makes some tens in all its life; one for which all desks of a
large centre ring, a thousand, gets some for each of them at once."""

M = TypeVar("M")


class Inbox(Generic[M]):
    """What is waiting for one flow: the events of its legs, in their order. One reader."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        """Make an inbox for ``most`` waiting messages."""
        self._waiting: list[M] = []  # an empty deque takes 760 bytes of each living call
        self._most = most
        self._reader: asyncio.Future[None] | None = None
        self.overrun = False

    def put(self, message: M) -> None:
        """Add a message; never waits.

        Raises:
            InboxFull: the reader has not kept up. It gets the same exception at its next ``get``.
        """
        if len(self._waiting) >= self._most:
            self.overrun = True
            self._wake()
            msg = f"{self._most} events were waiting"
            raise InboxFull(msg)
        self._waiting.append(message)
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> M:
        """The next message, waiting for one if there is none.

        Raises:
            InboxFull: messages were lost; what the reader knows of its legs is no longer true.
        """
        while True:
            if self.overrun:
                msg = "messages were lost"
                raise InboxFull(msg)
            if self._waiting:
                return self._waiting.pop(0)
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader

    def put_back(self, messages: Iterable[M]) -> None:
        """Messages that were taken out and are for somebody else: they come first again, in their order."""
        self._waiting[:0] = messages

    def __iter__(self) -> Iterator[M]:
        """What waits, in its order; it goes on waiting."""
        return iter(tuple(self._waiting))

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)


class Switch:
    """Leads the events of each leg to the inbox that the leg was registered for."""

    def __init__(self) -> None:
        """Start with no legs."""
        self._deliver: dict[str, Callable[[LegEvent], None]] = {}

    def register(self, leg: str, deliver: Callable[[LegEvent], None]) -> None:
        """Send events of ``leg`` to ``deliver``. Do it before the command that makes the leg goes out."""
        self._deliver[leg] = deliver

    def forget(self, legs: Iterable[str], deliver: Callable[[LegEvent], None] | None = None) -> None:
        """Stop sending the events of these legs anywhere, or only of those that are sent to ``deliver``."""
        for leg in legs:
            if deliver is None or self._deliver.get(leg) == deliver:
                self._deliver.pop(leg, None)

    def route(self, event: LegEvent) -> bool:
        """Deliver an event; False when nobody is registered for its leg.

        Raises:
            InboxFull: the flow of that call is stuck.
        """
        deliver = self._deliver.get(leg_of(event))
        if deliver is None:
            return False
        deliver(event)
        return True

    def __contains__(self, leg: str) -> bool:
        """Whether a leg is registered."""
        return leg in self._deliver

    def legs(self) -> frozenset[str]:
        """The ids of all registered legs."""
        return frozenset(self._deliver)
