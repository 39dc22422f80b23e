"""What is not recorded for want of room (``site.room``): the journal and an alarm say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import anyio
import anyio.to_thread

from ari_app.domain.facts import Fact
from ari_app.domain.tapes import resumed, suspended
from ari_app.site.room import Room

LOOK_SECONDS: Final = 1.0


class Unrecorded:
    """Knows which recordings may not begin, for as long as ``run`` runs."""

    def __init__(self, rooms: Sequence[Room], tell: Callable[[Fact], None]) -> None:
        """Until the first look everything may."""
        self._rooms, self._tell = rooms, tell
        self._closed: Mapping[str, int | None] = {}

    def has_room(self, what: str) -> bool:
        """Whether a new recording of this kind may begin."""
        return what not in self._closed

    def alarm(self) -> str | None:
        """What is not recorded at present, in one sentence; None: nothing that should be."""
        return "; ".join(room.alarm for room in self._rooms if room.what in self._closed) or None

    async def run(self) -> None:
        """Look for ever. What stands at the start is told anew; an end that no application has seen is not told."""
        while True:
            closed = await anyio.to_thread.run_sync(self._look)
            for what in closed.keys() - self._closed.keys():
                self._tell(suspended(what, closed[what]))
            for what in self._closed.keys() - closed.keys():
                self._tell(resumed(what))
            self._closed = closed
            await anyio.sleep(LOOK_SECONDS)

    def _look(self) -> dict[str, int | None]:
        """The kinds that may not begin, with the bytes that are free there, if that can be known."""
        return {room.what: _free(room) for room in self._rooms if room.is_closed()}


def _free(room: Room) -> int | None:
    try:
        return room.free()
    except OSError:
        return None
